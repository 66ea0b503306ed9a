#include "engine/simulation/run_figures.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

namespace troupe::simulation {
namespace {

using std::chrono::seconds;

// Two requests on two seats: both together in the first step, one alone in the second, while a
// third is refused.
RunRecord small_run() {
  RunRecord run;
  run.block_size = 4;
  run.num_blocks = 10;
  run.bytes_per_block = 40;
  StepRecord both;
  both.begin = seconds(1);
  both.end = seconds(2);
  both.num_rows = 2;
  both.num_waiting = 1;
  both.num_used_blocks = 4;
  both.num_stored_tokens = 10;
  StepRecord one;
  one.begin = seconds(3);
  one.end = seconds(6);
  one.num_rows = 1;
  one.num_used_blocks = 2;
  one.num_stored_tokens = 6;
  run.steps = {both, one};
  RequestRecord first;
  first.arrival = seconds(1);
  first.first_token = seconds(2);
  first.end = seconds(2);
  first.ending = Ending::finished;
  first.num_prompt_tokens = 6;
  first.num_output_tokens = 1;
  first.num_cached_tokens = 3;
  first.phases = {{Phase::queued, seconds(1)}, {Phase::prefill, seconds(1)}};
  auto second = first;
  second.end = seconds(6);
  second.num_output_tokens = 2;
  second.num_cached_tokens = 0;
  second.num_preemptions = 1;
  RequestRecord third;
  third.arrival = seconds(4);
  third.ending = Ending::refused;
  run.requests = {first, second, third};
  run.inter_token.add(seconds(4));
  return run;
}

}  // namespace

TEST_CASE("figures of a small run are those counted by hand") {
  const auto figures = figures_of(small_run(), 2);

  CHECK(figures.num_finished == 2);
  CHECK(figures.num_refused == 1);
  CHECK(figures.num_output_tokens == 3);
  CHECK(figures.num_steps == 2);
  CHECK(figures.seconds == doctest::Approx(5));
  CHECK(figures.requests_per_second == doctest::Approx(0.4));
  CHECK(figures.output_tokens_per_second == doctest::Approx(0.6));
  CHECK(figures.latency.p50 == doctest::Approx(1).epsilon(0.011));
  CHECK(figures.latency.p99 == doctest::Approx(5));
  CHECK(figures.first_token.p99 == doctest::Approx(1));
  CHECK(figures.inter_token.p50 == doctest::Approx(4));
  CHECK(figures.occupancy == doctest::Approx((2.0 + 3.0) / 8.0));
  CHECK(figures.full_occupancy == doctest::Approx(1.0));
  CHECK(figures.busy_share == doctest::Approx(0.8));
  CHECK(figures.kv.reserved == doctest::Approx((4 + 3 * 2) / 4.0 * 40));
  CHECK(figures.kv.used == doctest::Approx((10 + 3 * 6) / 4.0 * 10));
  CHECK(figures.kv.wasted == doctest::Approx(100 - 70));
  CHECK(figures.kv.peak == doctest::Approx(160));
  CHECK(figures.num_preemptions == 1);
  CHECK(figures.cached_share == doctest::Approx(0.25));
}

TEST_CASE("a run in which nothing happened has figures of zero") {
  const auto figures = figures_of(RunRecord{}, 1);

  CHECK(figures.seconds == 0);
  CHECK(figures.occupancy == 0);
  CHECK(figures.output_tokens_per_second == 0);
}

TEST_CASE("a run on no seats is a bug") {
  CHECK_THROWS_AS((void)figures_of(RunRecord{}, 0), InvariantViolation);
}

}  // namespace troupe::simulation
