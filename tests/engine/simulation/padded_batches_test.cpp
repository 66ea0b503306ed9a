#include "engine/simulation/padded_batches.h"

#include <doctest/doctest.h>

namespace troupe::simulation {
namespace {

StepPlan plan_of(std::size_t num_entrants, std::vector<PlanRow> rows) {
  StepPlan plan;
  plan.rows = std::move(rows);
  for (std::size_t entrant = 0; entrant < num_entrants; ++entrant) {
    plan.seats_taken.push_back({plan.rows[entrant].seat, nullptr});
  }
  return plan;
}

}  // namespace

TEST_CASE("a padded batch stays as wide as it began, with prompts as long as the longest") {
  PaddedBatches batches;

  const auto prompts = batches.shape_of(plan_of(2, {{0, 0, 10, true}, {1, 0, 4, true}}));
  CHECK(prompts.num_decodes == 0);
  CHECK(prompts.num_prefill_tokens == 20);
  CHECK(prompts.num_prefill_pairs == doctest::Approx(100));
  CHECK(batches.num_stored_tokens() == 20);

  // One of them has ended; the padded engine goes on with both.
  const auto decode = batches.shape_of(plan_of(0, {{1, 4, 5, true}}));
  CHECK(decode.num_decodes == 2);
  CHECK(decode.num_decode_context == 22);
  CHECK(decode.num_prefill_tokens == 0);
  CHECK(batches.num_stored_tokens() == 22);
}

TEST_CASE("who enters while the batch still forms makes it wider and pays for the longest prompt") {
  PaddedBatches batches;
  (void)batches.shape_of(plan_of(1, {{0, 0, 9, true}}));

  CHECK(batches.shape_of(plan_of(1, {{1, 0, 2, true}})).num_prefill_tokens == 9);
  CHECK(batches.shape_of(plan_of(0, {{0, 9, 10, true}, {1, 2, 3, true}})).num_decodes == 2);
}

TEST_CASE("the next batch begins anew") {
  PaddedBatches batches;
  (void)batches.shape_of(plan_of(3, {{0, 0, 9, true}, {1, 0, 9, true}, {2, 0, 9, true}}));

  const auto next = batches.shape_of(plan_of(1, {{0, 0, 2, true}}));

  CHECK(next.num_prefill_tokens == 2);
  CHECK(batches.shape_of(plan_of(0, {{0, 2, 3, true}})).num_decodes == 1);
}

TEST_CASE("a plan without rows computes nothing") {
  PaddedBatches batches;

  CHECK(batches.shape_of(StepPlan{}).num_tokens() == 0);
}

}  // namespace troupe::simulation
