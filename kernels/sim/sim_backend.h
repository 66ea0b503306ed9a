// A device that computes no logits: the next token is a pure function of the sequence's tokens, and
// time is what a formula says. Knows the ports only. For tests, where a lost, repeated or swapped
// token shows at once, and for simulation, where a roofline stands for the forward pass.
#pragma once

#include "engine/base/time.h"
#include "engine/step/backend.h"
#include "engine/step/sequence_start.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace troupe {

/// How long a step takes: `fixed` + tokens · `per_token` + context · `per_context_token`, and no
/// less than memory and arithmetic allow. All zero: no time at all.
struct SimTiming {
  Duration fixed{};
  Duration per_token{};
  Duration per_context_token{};  // for each token attended to
  double weight_bytes = 0;       // read once a step
  double kv_bytes_per_token = 0;
  double bytes_per_second = 0;  // 0: no bound by memory
  double flops_per_token = 0;
  double flops_per_second = 0;  // 0: no bound by arithmetic
};

/// Which tokens come out.
struct SimSampling {
  std::int32_t vocab_size = 0;
  /// One in so many tokens is the first of the sequence's `eos_tokens`; none comes by chance
  /// otherwise. 0: never.
  std::uint32_t eos_one_in = 0;
};

/// What the device verifies of the plans' promises.
enum class SimChecks : std::uint8_t {
  shapes,   // numbers of seats, tokens, blocks
  content,  // and that every slot read holds what this sequence, or its twin, wrote. O(context)
};

/// Where a simulated step's time passes. Both unset: the machine's steady clock.
struct SimClock {
  std::function<TimePoint()> now;
  std::function<void(TimePoint)> sleep_until;
};

struct SimOptions {
  BackendDescription description;
  SimTiming timing;
  std::uint32_t eos_one_in = 0;
  SimChecks checks = SimChecks::shapes;
  SimClock clock;
};

/// The token that follows `log`, the whole of a sequence's tokens. `start` tells where the prompt
/// ends and how to sample; its own `tokens` are not looked at. With a temperature of 0 the seed
/// makes no difference.
[[nodiscard]] TokenId sim_next_token(std::span<const TokenId> log,
                                     const SequenceStart& start,
                                     const SimSampling& sampling);

/// How long a step with so many tokens and so much context takes.
[[nodiscard]] Duration sim_step_time(const SimTiming& timing,
                                     std::int64_t num_tokens,
                                     std::int64_t num_context_tokens);

/// How long the moves of a plan take, before its rows: swaps over the device's link to the host,
/// copies at the speed of its memory. Nothing where the speed is unknown.
[[nodiscard]] Duration sim_move_time(const SimTiming& timing,
                                     const BackendDescription& device,
                                     const StepPlan& plan);

/// Owned by one worker; not thread-safe. A step costs O(its tokens) on the host, plus its context
/// where the content is checked.
class SimBackend final : public Backend {
 public:
  explicit SimBackend(SimOptions options);
  ~SimBackend() override;

  [[nodiscard]] const BackendDescription& description() const override;

  [[nodiscard]] std::int32_t capacity() const override { return 2; }

  /// Checked beyond the port's contract: the plan keeps to what the memory manager promises.
  [[nodiscard]] Result<void> enqueue(std::shared_ptr<const StepPlan> plan) override;
  [[nodiscard]] Result<StepResult> wait() override;
  [[nodiscard]] Result<void> begin_ring(RingNumber ring) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace troupe
