// Counts what happens, under vLLM's metric names where the meaning is the same, and renders it in
// Prometheus' text format.
#pragma once

#include "actors/caf_compat.h"
#include "actors/messages.h"

#include <memory>
#include <string>

namespace troupe {

class Metrics;

struct TelemetryState {
  std::shared_ptr<Metrics> metrics;
  static inline const char* name = "telemetry";
};

/// `prefix` stands before every name ("troupe:"), `model` is the label of every series.
caf::behavior telemetry_actor(caf::stateful_actor<TelemetryState>* self,
                              const std::string& prefix,
                              const std::string& model);

}  // namespace troupe
