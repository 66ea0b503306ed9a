// How the house is, as the pages /health and /ready and the line protocol tell it.
#pragma once

#include "engine/api/statistics.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::transport {

/// What stands between a request and its being served.
enum class HouseState : std::uint8_t { ready, loading, draining, unhealthy };

[[nodiscard]] HouseState house_state(const ServiceStatus& status);

[[nodiscard]] std::string_view to_string(HouseState state);

/// `{"status":"ok"}`, or llama.cpp's `{"error":{"code":503,"message":…,"type":…}}`.
[[nodiscard]] std::string format_health(HouseState state);

/// `{"status":…,"live_requests":…,"engines":{"up":…,"total":…,"detail":[…]}}`.
[[nodiscard]] std::string format_ready(HouseState state, const ServiceStatus& status);

/// Appends the array of engines alone.
void append_engines(std::string& out, const ServiceStatus& status);

}  // namespace troupe::transport
