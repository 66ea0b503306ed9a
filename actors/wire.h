// How the values that cross an engine's border are written and read by CAF. Floating-point numbers
// travel as their bits: CAF 0.17 hangs on infinities and garbles denormals.
#pragma once

#include "actors/caf_compat.h"
#include "engine/api/attempt.h"
#include "engine/api/statistics.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"

#include <bit>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace troupe {

namespace wire {

/// An optional as CAF can write it.
template <class T>
struct Maybe {
  bool has = false;
  T value{};

  Maybe() = default;

  explicit Maybe(const std::optional<T>& from) : has(from.has_value()), value(from.value_or(T{})) {}

  [[nodiscard]] std::optional<T> get() const {
    return has ? std::optional<T>(value) : std::nullopt;
  }
};

template <class Inspector, class T>
typename Inspector::result_type inspect(Inspector& f, Maybe<T>& x) {
  return f(x.has, x.value);
}

inline std::uint32_t bits(float value) {
  return std::bit_cast<std::uint32_t>(value);
}

inline float number(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}

}  // namespace wire

template <class Inspector, class Tag, class Number>
typename Inspector::result_type inspect(Inspector& f, StrongId<Tag, Number>& x) {
  return f(x.value);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Error& x) {
  return f(x.code, x.message, x.param);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LogprobBits& x) {
  return f(x.token, x.bits);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, EngineStatus& x) {
  return f(x.engine, x.health, x.num_running, x.num_waiting, x.num_total_blocks, x.num_free_blocks,
           x.num_cached_blocks, x.num_restarts);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SamplingParams& x) {
  std::vector<std::uint32_t> floats = {wire::bits(x.temperature),
                                       wire::bits(x.top_p),
                                       wire::bits(x.min_p),
                                       wire::bits(x.presence_penalty),
                                       wire::bits(x.frequency_penalty),
                                       wire::bits(x.repetition_penalty)};
  std::vector<std::pair<TokenId, std::uint32_t>> biases;
  for (const auto& [token, bias] : x.logit_bias) {
    biases.emplace_back(token, wire::bits(bias));
  }
  wire::Maybe<std::uint64_t> seed(x.seed);
  wire::Maybe<std::int32_t> max_tokens(x.max_tokens);
  wire::Maybe<std::int32_t> logprobs(x.logprobs);
  const auto num_floats = floats.size();
  auto load = [&]() -> caf::error {
    if (floats.size() != num_floats) {
      return caf::make_error(caf::sec::invalid_argument);
    }
    x.temperature = wire::number(floats[0]);
    x.top_p = wire::number(floats[1]);
    x.min_p = wire::number(floats[2]);
    x.presence_penalty = wire::number(floats[3]);
    x.frequency_penalty = wire::number(floats[4]);
    x.repetition_penalty = wire::number(floats[5]);
    x.logit_bias.clear();
    for (const auto& [token, bias] : biases) {
      x.logit_bias.emplace_back(token, wire::number(bias));
    }
    x.seed = seed.get();
    x.max_tokens = max_tokens.get();
    x.logprobs = logprobs.get();
    return caf::none;
  };
  return f(floats, biases, seed, max_tokens, logprobs, x.top_k, x.min_tokens, x.stop,
           x.stop_token_ids, x.ignore_eos, x.include_stop_str_in_output, x.skip_special_tokens,
           caf::meta::load_callback(load));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, EnqueuedRequest& x) {
  auto arrival = x.arrival.time_since_epoch().count();
  wire::Maybe<std::int64_t> deadline;
  deadline.has = x.deadline.has_value();
  deadline.value = x.deadline.value_or(TimePoint{}).time_since_epoch().count();
  auto load = [&]() -> caf::error {
    x.arrival = TimePoint(Duration(arrival));
    x.deadline.reset();
    if (deadline.has) {
      x.deadline = TimePoint(Duration(deadline.value));
    }
    return caf::none;
  };
  return f(x.request, x.attempt, x.tokens, x.num_prompt_tokens, x.max_output_tokens, x.sampling,
           arrival, x.priority, deadline, x.tenant, x.cache_salt, caf::meta::load_callback(load));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RequestTokens& x) {
  wire::Maybe<LogprobBits> logprob(x.logprob);
  wire::Maybe<FinishReason> finished(x.finished);
  auto load = [&]() -> caf::error {
    x.logprob = logprob.get();
    x.finished = finished.get();
    return caf::none;
  };
  return f(x.request, x.attempt, x.position, x.token, x.num_cached_tokens, x.num_preemptions,
           logprob, x.top_logprobs, finished, x.stopped_by_token, caf::meta::load_callback(load));
}

}  // namespace troupe
