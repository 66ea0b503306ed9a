#include "engine/memory/swap_choice.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

/// 16 tokens take 8 MiB; the link moves a block in 160 us, both ways 320 us.
MemoryConfig device(double prefill_tokens_per_second) {
  MemoryConfig config;
  config.num_host_blocks = 100;
  config.bytes_per_block = 8'000'000;
  config.host_link_bytes_per_second = 50e9;
  config.prefill_tokens_per_second = prefill_tokens_per_second;
  return config;
}

TEST_CASE("a block moves where both ways over the link take less time than computing it") {
  CHECK(swap_choice(device(40'000)) == SwapChoice::move);       // 400 us
  CHECK(swap_choice(device(60'000)) == SwapChoice::recompute);  // 267 us
  CHECK(swap_choice(device(50'000)) == SwapChoice::recompute);  // the same
}

TEST_CASE("where a figure is unknown nothing moves") {
  CHECK(swap_choice(device(0)) == SwapChoice::recompute);
  auto config = device(1);
  config.host_link_bytes_per_second = 0;
  CHECK(swap_choice(config) == SwapChoice::recompute);
  config = device(1);
  config.bytes_per_block = 0;
  CHECK(swap_choice(config) == SwapChoice::recompute);
}

TEST_CASE("whoever chooses for himself gets what he chose, while there is a host tier") {
  auto config = device(1e9);
  config.preemption = PreemptionMode::swap;
  CHECK(swap_choice(config) == SwapChoice::move);
  config.num_host_blocks = 0;
  CHECK(swap_choice(config) == SwapChoice::recompute);
  config = device(1);
  config.preemption = PreemptionMode::recompute;
  CHECK(swap_choice(config) == SwapChoice::recompute);
}

}  // namespace
}  // namespace troupe
