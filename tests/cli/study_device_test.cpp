// The study on a real engine: actors, worker and all, around a device that takes no time.
#include "cli/study_device.h"

#include "cli/model_directory.h"
#include "cli/study_json.h"
#include "engine/simulation/bound.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <vector>

namespace troupe::cli {
namespace {

constexpr std::int32_t kBatch = 4;

AssemblyOptions device() {
  AssemblyOptions options;
  options.model_directory = *find_model(kDemoModel);
  options.device = "sim";
  return options;
}

std::shared_ptr<const simulation::Workload> small_list() {
  simulation::Workload list;
  list.name = "small";
  for (const auto length : {40, 8, 12, 9, 50, 20, 3, 7, 5, 1, 30, 16, 4}) {
    simulation::WorkloadRequest request;
    request.num_prompt_tokens = 10 + length;
    request.num_output_tokens = length;
    list.requests.push_back(request);
  }
  return std::make_shared<const simulation::Workload>(std::move(list));
}

std::vector<simulation::StudyRun> measure(const char* policy) {
  auto runs = measure_case(device(), {small_list(), simulation::find_study_policy(policy), kBatch});
  REQUIRE(runs);
  REQUIRE(runs->size() == 2);
  return *runs;
}

}  // namespace

TEST_CASE("a real static engine, padded, takes the steps of its batches' longest") {
  const auto list = small_list();
  const auto runs = measure("static");

  // The engine runs while the list comes in: a batch may form in two steps instead of one.
  const auto least = simulation::static_steps(output_lengths(*list), kBatch);
  const auto num_batches = (std::ssize(list->requests) + kBatch - 1) / kBatch;
  CHECK(runs[0].figures.num_steps >= least);
  CHECK(runs[0].figures.num_steps <= least + num_batches);
  CHECK(runs[0].figures.num_finished == std::ssize(list->requests));
  // What was padded is computed, but does not count.
  CHECK(runs[0].figures.num_output_tokens == simulation::summarise(output_lengths(*list)).sum);
}

TEST_CASE("a real continuous engine takes fewer, and gives the same tokens") {
  const auto list = small_list();
  const auto runs = measure("continuous");

  CHECK(runs[0].figures.num_steps < simulation::static_steps(output_lengths(*list), kBatch));
  CHECK(runs[0].figures.num_output_tokens == simulation::summarise(output_lengths(*list)).sum);
}

TEST_CASE("the figures as JSON have a row for each policy, list and batch") {
  auto runs = measure("static");
  for (auto& run : measure("continuous")) {
    runs.push_back(std::move(run));
  }
  const auto json = nlohmann::json::parse(to_json({"a \"machine\"", "sim", "", 7}, runs));

  CHECK(json["machine"] == "a \"machine\"");
  CHECK(json["seed"] == 7);
  REQUIRE(json["rows"].size() == 2);
  const auto& row = json["rows"][1];
  CHECK(row["policy"] == "continuous");
  CHECK(row["list"] == "small");
  CHECK(row["batch"] == kBatch);
  CHECK(row["gain"].get<double>() > 1.0);
  CHECK(row["bound"].get<double>() > 1.0);
  CHECK(row["share_of_bound"].get<double>() ==
        doctest::Approx(row["gain"].get<double>() / row["bound"].get<double>()));
  CHECK(json["in_time"].size() == 2);
  CHECK(json["spread"].empty());
}

}  // namespace troupe::cli
