#include "tests/support/engine_loop.h"

#include "engine/memory/memory_manager.h"
#include "engine/scheduling/scheduler.h"

#include <doctest/doctest.h>

#include <utility>

namespace troupe::test {
namespace {

constexpr int kMaxTurns = 10'000;
constexpr std::int32_t kBlockSize = 16;

void note(const StepOutcome& outcome, LoopOutcome& sum) {
  for (const auto& tokens : outcome.tokens) {
    REQUIRE(tokens.logprob);
    CHECK(tokens.logprob->token == tokens.token);
    sum.tokens[tokens.request].push_back(*tokens.logprob);
  }
}

}  // namespace

LoopOutcome run_loop(Backend& backend,
                     EngineConfig config,
                     const std::vector<EnqueuedRequest>& requests) {
  const auto& device = backend.description();
  config.num_blocks = device.num_blocks;
  config.block_size = device.block_size;
  config.max_num_seqs = device.max_num_seqs;
  config.max_num_batched_tokens = device.max_num_batched_tokens;
  const RingNumber ring{1};
  REQUIRE(backend.begin_ring(ring));
  MemoryManager memory(memory_config(device, config), ring);
  Scheduler scheduler(config, ring);
  for (const auto& request : requests) {
    REQUIRE(scheduler.enqueue(request));
  }
  LoopOutcome sum;
  for (int turn = 0; turn < kMaxTurns; ++turn) {
    const auto proposal = scheduler.propose(TimePoint{});
    if (!proposal) {
      sum.memory = memory.statistics();
      return sum;
    }
    const auto settled = memory.settle(*proposal);
    memory.audit();
    note(scheduler.acknowledge(settled.granted), sum);
    if (settled.plan) {
      REQUIRE(backend.enqueue(settled.plan));
      const auto result = backend.wait();
      REQUIRE(result);
      note(scheduler.apply(*result), sum);
    }
  }
  FAIL("the loop never comes to its end");
  return sum;
}

LoopOutcome run_undisturbed(Backend& backend,
                            const EngineConfig& config,
                            const std::vector<EnqueuedRequest>& requests) {
  auto alone = config;
  alone.enable_prefix_caching = false;
  LoopOutcome sum;
  for (const auto& request : requests) {
    sum.tokens.merge(run_loop(backend, alone, {request}).tokens);
  }
  return sum;
}

std::vector<EnqueuedRequest> crowd(std::int32_t num_blocks, std::int32_t vocab_size) {
  std::vector<EnqueuedRequest> requests;
  for (std::int32_t number = 1; number <= num_blocks; ++number) {
    EnqueuedRequest request;
    request.request = RequestId{static_cast<std::uint64_t>(number)};
    request.attempt = AttemptNumber{1};
    const auto num_shared = kBlockSize + number * 5 % (2 * kBlockSize + 1);
    const auto length = num_shared + number % 3;
    for (std::int32_t position = 0; position < length; ++position) {
      const auto salt = position < num_shared ? 0 : number;
      request.tokens.push_back((7 * position + 3 + salt) % vocab_size);
    }
    request.num_prompt_tokens = length;
    request.max_output_tokens = 2 * kBlockSize + number;
    request.sampling.temperature = number % 2 == 0 ? 0.0F : 1.0F;
    request.sampling.seed = static_cast<std::uint64_t>(number);
    request.sampling.ignore_eos = true;
    request.sampling.logprobs = 0;
    request.arrival = TimePoint(Duration(number));
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace troupe::test
