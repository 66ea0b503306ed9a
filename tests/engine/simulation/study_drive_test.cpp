#include "engine/simulation/study_drive.h"

#include "engine/base/random.h"
#include "engine/simulation/bound.h"
#include "engine/simulation/generator.h"
#include "engine/simulation/padded_batches.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace troupe::simulation {
namespace {

constexpr std::int32_t kBlockSize = 4;

VirtualEngineOptions options(std::int32_t num_seats, std::int32_t num_blocks) {
  VirtualEngineOptions drive;
  drive.engine.block_size = kBlockSize;
  drive.engine.num_blocks = num_blocks;
  drive.engine.max_model_len = 4096;
  drive.engine.max_num_seqs = num_seats;
  drive.engine.max_num_batched_tokens = 4096;
  drive.engine.max_num_queued_requests = 100'000;
  drive.engine.enable_prefix_caching = false;
  drive.memory.num_blocks = num_blocks;
  drive.memory.block_size = kBlockSize;
  drive.memory.enable_prefix_caching = false;
  drive.cost = equal_step_cost();
  drive.shape = [](const StepPlan& plan) { return shape_of(plan); };
  return drive;
}

Workload list_of(const std::vector<std::int32_t>& outputs, std::int32_t num_prompt_tokens = 1) {
  Workload list;
  for (const auto length : outputs) {
    WorkloadRequest request;
    request.num_prompt_tokens = num_prompt_tokens;
    request.num_output_tokens = length;
    list.requests.push_back(request);
  }
  return list;
}

std::vector<std::int32_t> draw_outputs(std::uint64_t seed, std::size_t count) {
  std::vector<std::int32_t> outputs;
  for (std::uint64_t number = 0; number < count; ++number) {
    outputs.push_back(2 + static_cast<std::int32_t>(random_bits(seed, number) % 60));
  }
  return outputs;
}

/// What must be true of every run.
void check(const RunRecord& record, const Workload& list, const VirtualEngineOptions& drive) {
  REQUIRE(record.requests.size() == list.requests.size());
  for (std::size_t index = 0; index < list.requests.size(); ++index) {
    const auto& request = record.requests[index];
    CAPTURE(index);
    REQUIRE(request.ending == Ending::finished);
    REQUIRE(request.num_output_tokens == list.requests[index].num_output_tokens);
    REQUIRE(request.arrival <= request.first_token);
    REQUIRE(request.first_token <= request.end);
    REQUIRE(request.phases.front().phase == Phase::queued);
    REQUIRE(request.phases.back().phase == Phase::decode);
    REQUIRE(std::ranges::is_sorted(request.phases, {}, &PhaseSpan::begin));
  }
  Duration last{};
  for (const auto& step : record.steps) {
    REQUIRE(step.begin >= last);
    REQUIRE(step.end >= step.begin);
    REQUIRE(step.num_rows > 0);
    REQUIRE(step.num_rows <= drive.engine.max_num_seqs);
    REQUIRE(step.num_used_blocks <= drive.engine.num_blocks);
    REQUIRE(step.num_stored_tokens >= 0);
    REQUIRE(step.num_stored_tokens <= std::int64_t{step.num_used_blocks} * kBlockSize);
    last = step.end;
  }
}

}  // namespace

TEST_CASE("one request takes one step for each of its tokens") {
  const auto list = list_of({3}, 5);
  const auto drive_options = options(2, 10);
  const auto record = drive(list, drive_options);

  check(record, list, drive_options);
  REQUIRE(record.steps.size() == 3);
  CHECK(record.steps[0].num_prefill_tokens == 5);
  CHECK(record.steps[0].num_stored_tokens == 5);
  CHECK(record.steps[0].num_used_blocks == 2);
  CHECK(record.steps[1].num_decode_tokens == 1);
  CHECK(record.requests[0].first_token == kUnitStep);
  CHECK(record.requests[0].end == 3 * kUnitStep);
  CHECK(record.inter_token.count() == 2);
  CHECK(record.inter_token.longest() == kUnitStep);
}

TEST_CASE("static batches take the steps of their longest, exactly") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    const auto outputs = draw_outputs(seed, 50);
    auto drive_options = options(8, 10'000);
    drive_options.engine.scheduling.policy = SchedulingPolicy::static_batch;
    const auto list = list_of(outputs);
    const auto record = drive(list, drive_options);

    check(record, list, drive_options);
    REQUIRE(std::ssize(record.steps) == static_steps(outputs, 8));
  }
}

TEST_CASE("continuous batching comes within a step of each request to list scheduling") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    const auto outputs = draw_outputs(seed, 200);
    const auto drive_options = options(8, 10'000);
    const auto list = list_of(outputs);
    const auto record = drive(list, drive_options);
    // The seat of one that ends by length may stand empty for a step.
    auto longer = outputs;
    for (auto& length : longer) {
      ++length;
    }

    check(record, list, drive_options);
    REQUIRE(std::ssize(record.steps) >= least_steps(outputs, 8));
    REQUIRE(std::ssize(record.steps) <= list_scheduling_steps(longer, 8));
  }
}

TEST_CASE("the same list gives the same record") {
  const auto list = with_arrivals(list_of(draw_outputs(3, 60), 20), PoissonArrivals{50}, 1);
  auto drive_options = options(4, 60);
  const auto one = drive(list, drive_options);
  const auto other = drive(list, drive_options);

  REQUIRE(one.steps.size() == other.steps.size());
  for (std::size_t index = 0; index < one.requests.size(); ++index) {
    REQUIRE(one.requests[index].end == other.requests[index].end);
  }
  CHECK(one.inter_token == other.inter_token);
}

TEST_CASE("a request that comes to an idle engine waits for nobody") {
  auto list = list_of({2, 2});
  list.requests[1].arrival = std::chrono::seconds(5);
  const auto record = drive(list, options(1, 10));

  CHECK(record.requests[1].first_token == std::chrono::seconds(5) + kUnitStep);
}

TEST_CASE("in scarce memory sequences are preempted, come back, and lose no token") {
  const auto list = list_of(draw_outputs(5, 40), 12);
  for (const auto mode : {PreemptionMode::recompute, PreemptionMode::swap}) {
    auto drive_options = options(8, 40);
    drive_options.engine.scheduling.preemption = mode;
    drive_options.engine.scheduling.watermark = 0;
    drive_options.engine.enable_prefix_caching = true;
    drive_options.memory.enable_prefix_caching = true;
    drive_options.memory.preemption = mode;
    drive_options.memory.num_host_blocks = mode == PreemptionMode::swap ? 64 : 0;
    drive_options.memory.bytes_per_block = 1 << 20;
    drive_options.memory.host_link_bytes_per_second = 1e9;
    const auto record = drive(list, drive_options);

    check(record, list, drive_options);
    std::int32_t num_preemptions = 0;
    for (const auto& request : record.requests) {
      num_preemptions += request.num_preemptions;
      const auto spans = std::ranges::count(request.phases, Phase::preempted, &PhaseSpan::phase);
      REQUIRE(spans == request.num_preemptions);
    }
    CHECK(num_preemptions > 0);
    CHECK((record.num_swapped_blocks > 0) == (mode == PreemptionMode::swap));
  }
}

TEST_CASE("a request that can never fit is refused, and the others go on") {
  auto list = list_of({3, 3});
  list.requests[0].num_prompt_tokens = 4000;
  const auto record = drive(list, options(2, 10));

  CHECK(record.requests[0].ending == Ending::refused);
  CHECK(record.requests[1].ending == Ending::finished);
}

TEST_CASE("a padded run costs what its padded shape costs") {
  auto list = list_of({4, 1});
  list.requests[0].num_prompt_tokens = 10;
  auto drive_options = options(2, 100);
  drive_options.engine.scheduling.policy = SchedulingPolicy::static_batch;
  PaddedBatches batches;
  drive_options.shape = [&](const StepPlan& plan) { return batches.shape_of(plan); };
  drive_options.cost = [](const StepShape& shape) {
    return std::chrono::milliseconds(1) * shape.num_tokens();
  };
  const auto record = drive(list, drive_options);

  // Both prompts as long as the longer one, then three steps of two.
  CHECK(record.requests[0].end == std::chrono::milliseconds(2 * 10 + 3 * 2));
  CHECK(record.requests[1].end == std::chrono::milliseconds(20));
}

}  // namespace troupe::simulation
