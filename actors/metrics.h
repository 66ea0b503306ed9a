// The series of one process. Wraps prometheus-cpp, which is known to metrics.cpp alone.
#pragma once

#include "actors/messages.h"

#include <memory>
#include <string>

namespace troupe {

/// Owned by the telemetry actor.
class Metrics {
 public:
  Metrics(const std::string& prefix, const std::string& model);
  ~Metrics();

  void step(const StepCounted& counted);
  void load(const EngineStatus& status);
  void prefix_cache(const PrefixCacheCounted& counted);
  void request(const RequestCounted& counted);
  void restart(const RestartCounted& counted);

  /// Text format 0.0.4.
  [[nodiscard]] std::string render() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace troupe
