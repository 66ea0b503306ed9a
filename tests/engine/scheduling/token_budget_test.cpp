#include "engine/scheduling/token_budget.h"

#include <doctest/doctest.h>

#include <random>

namespace troupe {
namespace {

constexpr std::int32_t kNoTarget = 1'000'000;

TEST_CASE("decodes come first, prefills get what is left") {
  const SchedulingConfig config;

  const auto budget = split_budget(config, 100, 30, PrefillDemand::some, kNoTarget);

  CHECK(budget.decode_tokens == 30);
  CHECK(budget.prefill_tokens == 70);
}

TEST_CASE("where prompts wait, decodes leave them their part, otherwise nothing") {
  SchedulingConfig config;
  config.min_prefill_tokens = 16;

  CHECK(split_budget(config, 100, 500, PrefillDemand::some, kNoTarget).decode_tokens == 84);
  CHECK(split_budget(config, 100, 500, PrefillDemand::some, kNoTarget).prefill_tokens == 16);
  CHECK(split_budget(config, 100, 500, PrefillDemand::none, kNoTarget).decode_tokens == 100);
  CHECK(split_budget(config, 10, 500, PrefillDemand::some, kNoTarget).prefill_tokens == 5);
}

TEST_CASE("each kind keeps to its cap, and a tight latency target leaves prefills their part") {
  SchedulingConfig config;
  config.max_prefill_tokens = 40;
  config.max_decode_tokens = 20;
  config.min_prefill_tokens = 16;

  const auto capped_both = split_budget(config, 100, 30, PrefillDemand::some, kNoTarget);
  CHECK(capped_both.decode_tokens == 20);
  CHECK(capped_both.prefill_tokens == 40);
  CHECK(split_budget(config, 100, 30, PrefillDemand::some, 25).prefill_tokens == 25);
  CHECK(split_budget(config, 100, 30, PrefillDemand::some, 0).prefill_tokens == 16);
  // Nobody decodes: there is no latency to keep.
  CHECK(split_budget(config, 100, 0, PrefillDemand::some, 0).prefill_tokens == 40);
}

TEST_CASE("whatever the caps, a step keeps to its budget and neither kind starves") {
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto any = [&](std::uint32_t most) {
      return static_cast<std::int32_t>(random() % (most + 1));
    };
    SchedulingConfig config;
    config.max_prefill_tokens = any(50);
    config.max_decode_tokens = any(50);
    config.min_prefill_tokens = 1 + any(30);
    const auto step_tokens = 2 + any(100);
    const auto num_decodes = 1 + any(100);

    const auto budget =
        split_budget(config, step_tokens, num_decodes, PrefillDemand::some, any(100));

    CHECK(budget.decode_tokens + budget.prefill_tokens <= step_tokens);
    CHECK(budget.decode_tokens > 0);
    CHECK(budget.prefill_tokens > 0);
    CHECK(budget.decode_tokens <= num_decodes);
  }
}

}  // namespace
}  // namespace troupe
