#include "cli/step_bench.h"

#include "cli/model_directory.h"

#include <doctest/doctest.h>

namespace troupe::cli {
namespace {

AssemblyOptions demo_on(const char* device) {
  AssemblyOptions options;
  options.model_directory = find_model(kDemoModel).value();
  options.device = device;
  return options;
}

TEST_CASE("each batch and each prompt of the plan is a row, measured in every round") {
  const StepBenchPlan plan{.batches = {1, 3}, .context = 20, .prefills = {5, 700}, .num_rounds = 2};

  for (const auto* device : {"sim", "cpu"}) {
    CAPTURE(device);
    const auto report = measure_steps(demo_on(device), plan);

    REQUIRE(report);
    REQUIRE(report->rows.size() == 4);
    CHECK(report->too_long.empty());
    CHECK(report->rows[1].phase == StepPhase::decode);
    CHECK(report->rows[1].batch == 3);
    CHECK(report->rows[1].context == 20);
    CHECK(report->rows[3].phase == StepPhase::prefill);
    CHECK(report->rows[3].context == 700);
    CHECK(report->rows[3].num_tokens == 700);
    for (const auto& row : report->rows) {
      REQUIRE(row.round_ms.size() == 2);
      CHECK(row.round_ms[0] > 0.0);
      CHECK(row.round_ms[0] <= row.round_ms[1]);
      CHECK(row.tokens_per_second(row.median_ms()) > 0.0);
    }
  }
}

TEST_CASE("a prompt that the model is too short for is named and left out") {
  const auto report = measure_steps(
      demo_on("sim"), {.batches = {}, .context = 0, .prefills = {1024, 1025}, .num_rounds = 1});

  REQUIRE(report);
  REQUIRE(report->rows.size() == 1);
  CHECK(report->rows[0].context == 1024);
  CHECK(report->too_long == std::vector<std::int32_t>{1025});
}

TEST_CASE("a context must leave room for one token") {
  const StepBenchPlan just_fits{.batches = {2}, .context = 1023, .prefills = {}, .num_rounds = 1};
  auto too_long = just_fits;
  too_long.context = 1024;

  CHECK(measure_steps(demo_on("sim"), just_fits));
  const auto refused = measure_steps(demo_on("sim"), too_long);
  REQUIRE(!refused);
  CHECK(refused.error().code == ErrorCode::invalid_value);
  CHECK(refused.error().message.find("1024") != std::string::npos);
}

TEST_CASE("a prompt longer than a step is computed in chunks") {
  auto options = demo_on("cpu");
  options.max_num_batched_tokens = 7;

  const auto report =
      measure_steps(options, {.batches = {9}, .context = 30, .prefills = {50}, .num_rounds = 1});

  REQUIRE(report);
  CHECK(report->rows.size() == 2);
}

}  // namespace
}  // namespace troupe::cli
