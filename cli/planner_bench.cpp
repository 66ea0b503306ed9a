#include "cli/planner_bench.h"

#include "engine/base/check.h"
#include "engine/base/random.h"
#include "engine/memory/memory_manager.h"
#include "engine/scheduling/scheduler.h"
#include "engine/simulation/answer.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <numeric>
#include <utility>
#include <vector>

namespace troupe::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr RingNumber kRing{1};
constexpr std::int32_t kBlockSize = 16;
constexpr std::int32_t kPromptTokens = 200;
/// A request that fills the cache and goes: so many blocks, and a token more.
constexpr std::int32_t kFillerBlocks = 100;
constexpr std::int32_t kSpareBlocks = 256;
/// Once all have their seats: until the last prompt is computed, and a period more.
constexpr std::int32_t kWarmUpSteps = 64;
/// Far more than it takes until all have their seats.
constexpr std::int32_t kSeatingSteps = 256;

/// Of a step, virtual: policies that look at the clock see it go on.
constexpr Duration kStepTime = std::chrono::milliseconds(10);

std::int32_t blocks_of(std::int32_t num_tokens) {
  return (num_tokens + kBlockSize - 1) / kBlockSize;
}

/// Of whole periods of block growth: a median of single steps would hide what a new block costs.
double median_microseconds(const std::vector<Clock::duration>& elapsed) {
  std::vector<Clock::duration> periods;
  for (std::size_t begin = 0; begin + kBlockSize <= elapsed.size(); begin += kBlockSize) {
    const auto first = elapsed.begin() + static_cast<std::ptrdiff_t>(begin);
    periods.push_back(std::accumulate(first, first + kBlockSize, Clock::duration{}));
  }
  TROUPE_CHECK(!periods.empty(), "fewer steps than a block has tokens");
  const auto middle = periods.begin() + static_cast<std::ptrdiff_t>(periods.size() / 2);
  std::ranges::nth_element(periods, middle);
  return std::chrono::duration<double, std::micro>(*middle).count() / kBlockSize;
}

EnqueuedRequest request(std::uint64_t number, std::int32_t num_prompt, std::int32_t max_output) {
  EnqueuedRequest request;
  request.request = RequestId{number};
  request.attempt = AttemptNumber{1};
  for (std::int32_t position = 0; position < num_prompt; ++position) {
    const auto bits = random_bits(number, static_cast<std::uint64_t>(position));
    request.tokens.push_back(static_cast<TokenId>(bits % 50'000));
  }
  request.num_prompt_tokens = num_prompt;
  request.max_output_tokens = max_output;
  request.sampling.ignore_eos = true;
  request.arrival = TimePoint(Duration(static_cast<std::int64_t>(number)));
  return request;
}

class Planner {
 public:
  explicit Planner(const PlannerLoad& load)
      : load_(load), scheduler_(config(load), kRing), memory_(memory(load), kRing) {}

  PlannerCost measure() {
    fill_cache();
    const auto count = load_.num_sequences + load_.num_queued;
    for (std::int32_t number = 0; number < count; ++number) {
      enqueue(request(++last_request_, kPromptTokens, output_tokens(load_)));
    }
    while (scheduler_.statistics().num_running < load_.num_sequences) {
      turn();
    }
    for (std::int32_t step = 0; step < kWarmUpSteps; ++step) {
      turn();
    }
    in_scheduler_.clear();
    in_memory_.clear();
    for (std::int32_t iteration = 0; iteration < load_.num_iterations; ++iteration) {
      turn();
    }
    return {median_microseconds(in_scheduler_), median_microseconds(in_memory_)};
  }

 private:
  static EngineConfig config(const PlannerLoad& load) {
    EngineConfig config;
    config.block_size = kBlockSize;
    config.num_blocks = num_blocks(load);
    config.max_model_len = 100'000;
    config.max_num_seqs = load.num_sequences;
    config.max_num_batched_tokens = 8192;
    config.max_num_queued_requests = INT32_MAX;
    config.scheduling = load.scheduling;
    return config;
  }

  static MemoryConfig memory(const PlannerLoad& load) {
    MemoryConfig config;
    config.num_blocks = num_blocks(load);
    config.block_size = kBlockSize;
    return config;
  }

  // Nobody ends while it is measured.
  static std::int32_t output_tokens(const PlannerLoad& load) {
    return kSeatingSteps + kWarmUpSteps + load.num_iterations;
  }

  // What sequences take beyond their prompts is blank as long as the cache leaves room for it.
  static std::int32_t num_blocks(const PlannerLoad& load) {
    const auto held = load.num_sequences * (blocks_of(kPromptTokens) + 1);
    const auto grown = load.num_sequences * blocks_of(output_tokens(load));
    return held + std::max(load.num_cached_blocks, grown) + kSpareBlocks;
  }

  void fill_cache() {
    for (std::int32_t filled = 0; filled < load_.num_cached_blocks; filled += kFillerBlocks) {
      enqueue(request(++last_request_, kFillerBlocks * kBlockSize + 1, 1));
    }
    while (turn()) {
    }
  }

  void enqueue(EnqueuedRequest request) {
    TROUPE_CHECK(scheduler_.enqueue(std::move(request)), "the planner refuses a request");
  }

  // One proposal, and the result of the step before: two are in flight, as on the ring.
  bool turn() {
    const auto begin = Clock::now();
    now_ += kStepTime;
    const auto proposal = scheduler_.propose(now_);
    const auto proposed = Clock::now();
    if (!proposal) {
      return land(Clock::duration{}, proposed - begin);
    }
    auto settled = memory_.settle(*proposal);
    const auto done = Clock::now();
    const auto outcome = scheduler_.acknowledge(settled.granted);
    const auto in_scheduler = proposed - begin + (Clock::now() - done);
    if (settled.granted.plan_sent) {
      in_flight_.push_back(std::move(settled.granted));
    }
    if (in_flight_.size() < 2) {
      record(in_scheduler, done - proposed);
      return true;
    }
    return land(done - proposed, in_scheduler);
  }

  bool land(Clock::duration in_memory, Clock::duration in_scheduler) {
    if (in_flight_.empty()) {
      return false;
    }
    const auto result = simulation::answer_to(in_flight_.front(), ++last_token_ % 50'000);
    in_flight_.pop_front();
    const auto arrived = Clock::now();
    const auto outcome = scheduler_.apply(result);
    record(in_scheduler + (Clock::now() - arrived), in_memory);
    return true;
  }

  void record(Clock::duration in_scheduler, Clock::duration in_memory) {
    in_scheduler_.push_back(in_scheduler);
    in_memory_.push_back(in_memory);
  }

  PlannerLoad load_;
  Scheduler scheduler_;
  MemoryManager memory_;
  std::uint64_t last_request_ = 0;
  TokenId last_token_ = 0;
  TimePoint now_{};
  std::deque<StepGranted> in_flight_;
  std::vector<Clock::duration> in_scheduler_;
  std::vector<Clock::duration> in_memory_;
};

}  // namespace

PlannerCost measure_planner(const PlannerLoad& load) {
  return Planner(load).measure();
}

}  // namespace troupe::cli
