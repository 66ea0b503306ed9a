#include "actors/telemetry_actor.h"

#include "actors/metrics.h"

namespace troupe {

caf::behavior telemetry_actor(caf::stateful_actor<TelemetryState>* self,
                              const std::string& prefix,
                              const std::string& model) {
  set_house_rules(self, TelemetryState::name);
  self->state.metrics = std::make_shared<Metrics>(prefix, model);
  return {
      [self](const StepCounted& counted) { self->state.metrics->step(counted); },
      [self](const LoadReport& report) { self->state.metrics->load(report.load); },
      [self](const PrefixCacheCounted& counted) { self->state.metrics->prefix_cache(counted); },
      [self](const RequestCounted& counted) { self->state.metrics->request(counted); },
      [self](const RestartCounted& counted) { self->state.metrics->restart(counted); },
      [self](const AskMetrics& ask) { ask.done(self->state.metrics->render()); },
  };
}

}  // namespace troupe
