// Whatever memory does with a sequence's keys and values (share, copy, move to the host and back,
// throw away and compute anew), its tokens and their log-probabilities keep every bit.
#include "kernels/cpu/cpu_backend.h"
#include "kernels/reference/reference_backend.h"

#include "tests/kernels/cpu/random_model.h"
#include "tests/support/engine_loop.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

namespace troupe {
namespace {

constexpr std::int32_t kNumBlocks = 10;
constexpr std::int32_t kNumHostBlocks = 12;

const test::RandomShape kShape = {.hidden_size = 64,
                                  .num_layers = 2,
                                  .num_heads = 4,
                                  .num_kv_heads = 2,
                                  .head_size = 16,
                                  .intermediate_size = 96,
                                  .vocab_size = 200,
                                  .max_position = 160};

std::unique_ptr<Backend> cpu_backend() {
  const CpuOptions options = {.threads = 1,
                              .num_blocks = kNumBlocks,
                              .num_host_blocks = kNumHostBlocks,
                              .max_num_seqs = 6,
                              .max_num_batched_tokens = 48};
  auto model = make_cpu_model(test::random_model(kShape, {}), options);
  REQUIRE(model);
  auto backend = make_cpu_backend(*model, options);
  REQUIRE(backend);
  return std::move(*backend);
}

std::unique_ptr<Backend> reference_backend() {
  auto backend =
      make_reference_backend(test::random_model(kShape, {}), {.num_blocks = kNumBlocks,
                                                              .num_host_blocks = kNumHostBlocks,
                                                              .block_size = 16,
                                                              .max_num_seqs = 6,
                                                              .max_num_batched_tokens = 48});
  REQUIRE(backend);
  return std::move(*backend);
}

void check_bits(Backend& backend) {
  EngineConfig config;
  config.max_model_len = 160;
  const auto requests = test::crowd(kNumBlocks, kShape.vocab_size);
  const auto undisturbed = test::run_undisturbed(backend, config, requests);

  config.scheduling.preemption = PreemptionMode::recompute;
  const auto recomputed = test::run_loop(backend, config, requests);
  config.scheduling.preemption = PreemptionMode::swap;
  const auto swapped = test::run_loop(backend, config, requests);

  CHECK(recomputed.tokens == undisturbed.tokens);
  CHECK(swapped.tokens == undisturbed.tokens);
  CHECK(recomputed.memory.num_preemptions > 0);
  CHECK(recomputed.memory.num_copied_tokens > 0);
  CHECK(recomputed.memory.num_swapped_out_blocks == 0);
  CHECK(swapped.memory.num_preemptions > 0);
  CHECK(swapped.memory.num_swapped_out_blocks > 0);
  CHECK(swapped.memory.num_restored_tokens > 0);
}

TEST_CASE("on the CPU no bit changes by sharing, copying, swapping or computing anew") {
  check_bits(*cpu_backend());
}

TEST_CASE("on the reference device no bit changes by sharing, copying, swapping or recomputing") {
  check_bits(*reference_backend());
}

TEST_CASE("left to itself the CPU moves blocks rather than compute them anew") {
  const auto backend = cpu_backend();
  EngineConfig config;
  config.max_model_len = 160;

  const auto outcome = test::run_loop(*backend, config, test::crowd(kNumBlocks, kShape.vocab_size));

  CHECK(backend->description().num_host_blocks == kNumHostBlocks);
  CHECK(outcome.memory.num_swapped_in_blocks > 0);
}

}  // namespace
}  // namespace troupe
