#include "actors/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <chrono>
#include <map>
#include <utility>
#include <vector>

namespace troupe {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

// vLLM's buckets, with finer ones below for engines that are faster than they.
const Buckets kTokensPerStep = {1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};
const Buckets kSequencesPerStep = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
const Buckets kFirstToken = {.001, .005, .01, .02, .04, .06, .08, .1, .25, .5,  .75,
                             1,    2.5,  5,   7.5, 10,  20,  40,  80, 160, 640, 2560};
const Buckets kTokenTime = {.001, .0025, .005, .01, .025, .05, .075, .1, .15, .2, .3,
                            .4,   .5,    .75,  1,   2.5,  5,   7.5,  10, 20,  40, 80};
const Buckets kRequestTime = {.01, .05, .1, .3, .5, .8, 1,   1.5, 2,   2.5, 5,    10,
                              15,  20,  30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680};
const Buckets kTokens = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000};
const Buckets kDeviceTime = {.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1};

}  // namespace

struct Metrics::State {
  State(std::string name_prefix, const std::string& model)
      : prefix(std::move(name_prefix)), labels{{"model_name", model}} {}

  std::string prefix;
  prometheus::Labels labels;
  prometheus::Registry registry;

  prometheus::Counter& counter(const char* name,
                               const char* help,
                               const prometheus::Labels& more = {}) {
    return prometheus::BuildCounter()
        .Name(prefix + name)
        .Help(help)
        .Labels(labels)
        .Register(registry)
        .Add(more);
  }

  prometheus::Gauge& gauge(const char* name,
                           const char* help,
                           const prometheus::Labels& more = {}) {
    return prometheus::BuildGauge()
        .Name(prefix + name)
        .Help(help)
        .Labels(labels)
        .Register(registry)
        .Add(more);
  }

  prometheus::Histogram& histogram(const char* name, const char* help, const Buckets& buckets) {
    return prometheus::BuildHistogram()
        .Name(prefix + name)
        .Help(help)
        .Labels(labels)
        .Register(registry)
        .Add({}, buckets);
  }

  prometheus::Gauge& blocks(prometheus::Labels engine, const char* name) {
    engine["state"] = name;
    return gauge("kv_blocks", "KV blocks by state.", engine);
  }

  // Looked up once: a step's figures are set without searching by name.
  struct EngineGauges {
    EngineGauges(State& state, const prometheus::Labels& engine)
        : running(state.gauge("num_requests_running", "Sequences that hold a seat.", engine)),
          waiting(state.gauge("num_requests_waiting", "Requests that wait for a seat.", engine)),
          used_blocks(state.blocks(engine, "used")),
          cached_blocks(state.blocks(engine, "cached")),
          free_blocks(state.blocks(engine, "free")),
          cache_usage(state.gauge(
              "kv_cache_usage_perc", "Share of the KV blocks in use, 0 to 1.", engine)) {}

    prometheus::Gauge& running;
    prometheus::Gauge& waiting;
    prometheus::Gauge& used_blocks;
    prometheus::Gauge& cached_blocks;
    prometheus::Gauge& free_blocks;
    prometheus::Gauge& cache_usage;
  };

  EngineGauges& gauges_of(EngineId engine) {
    const auto found = engines.find(engine);
    if (found != engines.end()) {
      return found->second;
    }
    const prometheus::Labels name = {{"engine", std::to_string(engine.value)}};
    return engines.try_emplace(engine, *this, name).first->second;
  }

  std::map<EngineId, EngineGauges> engines;
  prometheus::Counter& prompt_tokens =
      counter("prompt_tokens_total", "Prompt tokens of finished requests.");
  prometheus::Counter& generation_tokens =
      counter("generation_tokens_total", "Tokens sampled, discarded ones included.");
  prometheus::Counter& preemptions =
      counter("num_preemptions_total", "Sequences that lost their KV blocks to others.");
  prometheus::Counter& cache_queries =
      counter("prefix_cache_queries_total", "Tokens looked up in the prefix cache.");
  prometheus::Counter& cache_hits =
      counter("prefix_cache_hits_total", "Tokens found in the prefix cache.");
  prometheus::Counter& steps = counter("iterations_total", "Steps that came to their end.");
  prometheus::Histogram& step_tokens =
      histogram("iteration_tokens_total", "Tokens computed in a step.", kTokensPerStep);
  prometheus::Histogram& step_sequences =
      histogram("iteration_sequences", "Sequences computed together in a step.", kSequencesPerStep);
  prometheus::Histogram& device_time =
      histogram("step_device_seconds", "Time the device took for a step.", kDeviceTime);
  prometheus::Histogram& first_token =
      histogram("time_to_first_token_seconds", "From arrival to the first token.", kFirstToken);
  prometheus::Histogram& token_time = histogram("request_time_per_output_token_seconds",
                                                "Mean time between the tokens of a request.",
                                                kTokenTime);
  prometheus::Histogram& request_time =
      histogram("e2e_request_latency_seconds", "From arrival to the last token.", kRequestTime);
  prometheus::Histogram& request_prompt_tokens =
      histogram("request_prompt_tokens", "Prompt tokens of a finished request.", kTokens);
  prometheus::Histogram& request_generation_tokens =
      histogram("request_generation_tokens", "Tokens generated for a finished request.", kTokens);
};

Metrics::Metrics(const std::string& prefix, const std::string& model)
    : state_(std::make_unique<State>(prefix, model)) {}

Metrics::~Metrics() = default;

void Metrics::load(const EngineStatus& status) {
  auto& gauges = state_->gauges_of(status.engine);
  gauges.running.Set(status.num_running);
  gauges.waiting.Set(status.num_waiting);
  const auto used = status.num_total_blocks - status.num_free_blocks;
  gauges.used_blocks.Set(used);
  gauges.cached_blocks.Set(status.num_cached_blocks);
  gauges.free_blocks.Set(status.num_free_blocks - status.num_cached_blocks);
  if (status.num_total_blocks > 0) {
    gauges.cache_usage.Set(static_cast<double>(used) / status.num_total_blocks);
  }
}

void Metrics::step(const StepCounted& counted) {
  auto& state = *state_;
  load(counted.load);
  state.steps.Increment();
  state.step_tokens.Observe(counted.num_tokens);
  state.step_sequences.Observe(counted.num_sequences);
  state.device_time.Observe(in_seconds(counted.device_time));
  state.generation_tokens.Increment(counted.num_sampled);
  state.preemptions.Increment(counted.num_preempted);
}

void Metrics::prefix_cache(const PrefixCacheCounted& counted) {
  state_->cache_queries.Increment(static_cast<double>(counted.num_queried_tokens));
  state_->cache_hits.Increment(static_cast<double>(counted.num_hit_tokens));
}

void Metrics::request(const RequestCounted& counted) {
  auto& state = *state_;
  if (!counted.finished) {
    state
        .counter("request_errors_total", "Requests that ended with an error.",
                 {{"code", counted.outcome}})
        .Increment();
    return;
  }
  state
      .counter("request_success_total", "Requests that came to their end.",
               {{"finished_reason", counted.outcome}})
      .Increment();
  const auto& usage = counted.usage;
  state.prompt_tokens.Increment(usage.num_prompt_tokens);
  state.request_prompt_tokens.Observe(usage.num_prompt_tokens);
  state.request_generation_tokens.Observe(usage.num_output_tokens);
  state.first_token.Observe(in_seconds(counted.timing.first_token));
  state.request_time.Observe(in_seconds(counted.timing.last_token));
  if (usage.num_output_tokens > 1) {
    state.token_time.Observe(in_seconds(counted.timing.last_token - counted.timing.first_token) /
                             (usage.num_output_tokens - 1));
  }
}

void Metrics::restart(const RestartCounted& counted) {
  state_
      ->counter("actor_restarts_total", "Actors that died and were replaced.",
                {{"actor", counted.actor}})
      .Increment();
}

std::string Metrics::render() const {
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

}  // namespace troupe
