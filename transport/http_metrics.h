// What the transport counts of itself, in Prometheus' text format 0.0.4.
#pragma once

#include "engine/base/time.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

namespace troupe::transport {

/// Belongs to the transport's thread. Bounded: handlers are routes, methods and statuses a fixed
/// few.
class HttpMetrics {
 public:
  /// One answered request. `handler` is a route's label, never a path that a client wrote.
  void count(std::string_view handler,
             std::string_view method,
             std::int32_t status,
             Duration duration);

  /// Appends `http_requests_total` and `http_request_duration_seconds`.
  void append_text(std::string& out) const;

 private:
  static constexpr std::array<double, 13> kBounds = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                     0.5,   1.0,   2.5,  5.0,   10.0, 60.0};

  struct Histogram {
    std::array<std::uint64_t, kBounds.size()> at_most{};  // cumulative
    std::uint64_t count = 0;
    double sum_seconds = 0.0;
  };

  // Labels are string literals of the router; views to them stay valid.
  std::map<std::tuple<std::string_view, std::string_view, std::int32_t>, std::uint64_t> requests_;
  std::map<std::string_view, Histogram> durations_;
};

}  // namespace troupe::transport
