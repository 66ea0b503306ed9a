#include "transport/status_format.h"

#include "transport/json_writer.h"

#include <algorithm>
#include <array>

namespace troupe::transport {
namespace {

std::string_view to_string(EngineHealth health) {
  constexpr std::array<std::string_view, 4> kNames = {"starting", "healthy", "restarting",
                                                      "given_up"};
  return kNames.at(static_cast<std::size_t>(health));
}

std::string_view describe(HouseState state) {
  switch (state) {
    case HouseState::ready:
      return "ok";
    case HouseState::loading:
      return "Loading model";
    case HouseState::draining:
      return "Shutting down";
    case HouseState::unhealthy:
      break;
  }
  return "No engine can serve";
}

bool is_up(const EngineStatus& engine) {
  return engine.health == EngineHealth::healthy;
}

}  // namespace

HouseState house_state(const ServiceStatus& status) {
  if (status.draining) {
    return HouseState::draining;
  }
  if (status.ready()) {
    return HouseState::ready;
  }
  const auto starting = std::ranges::any_of(status.engines, [](const EngineStatus& engine) {
    return engine.health == EngineHealth::starting;
  });
  return starting || status.engines.empty() ? HouseState::loading : HouseState::unhealthy;
}

std::string_view to_string(HouseState state) {
  constexpr std::array<std::string_view, 4> kNames = {"ok", "loading", "draining", "unhealthy"};
  return kNames.at(static_cast<std::size_t>(state));
}

std::string format_health(HouseState state) {
  if (state == HouseState::ready) {
    return R"({"status":"ok"})";
  }
  std::string out;
  JsonWriter(out)
      .begin_object()
      .key("error")
      .begin_object()
      .member("code", 503)
      .member("message", describe(state))
      .member("type", "unavailable_error")
      .end_object()
      .end_object();
  return out;
}

void append_engines(std::string& out, const ServiceStatus& status) {
  JsonWriter json(out);
  json.begin_array();
  for (const auto& engine : status.engines) {
    json.begin_object()
        .member("engine", engine.engine.value)
        .member("health", to_string(engine.health))
        .member("running", engine.num_running)
        .member("waiting", engine.num_waiting)
        .member("total_blocks", engine.num_total_blocks)
        .member("free_blocks", engine.num_free_blocks)
        .member("cached_blocks", engine.num_cached_blocks)
        .member("restarts", engine.num_restarts)
        .end_object();
  }
  json.end_array();
}

std::string format_ready(HouseState state, const ServiceStatus& status) {
  std::string out = R"({"status":)";
  append_json_string(out, to_string(state));
  out += R"(,"live_requests":)";
  append_json_number(out, status.num_live_requests);
  out += R"(,"engines":{"up":)";
  append_json_number(out, std::ranges::count_if(status.engines, is_up));
  out += R"(,"total":)";
  append_json_number(out, status.engines.size());
  out += R"(,"detail":)";
  append_engines(out, status);
  out += "}}";
  return out;
}

}  // namespace troupe::transport
