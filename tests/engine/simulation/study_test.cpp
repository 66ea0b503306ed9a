#include "engine/simulation/study.h"

#include "engine/simulation/generator.h"
#include "engine/simulation/study_tables.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

namespace troupe::simulation {
namespace {

StudyDevice small_device() {
  StudyDevice device;
  device.name = "d";
  device.cost = [](const StepShape& shape) {
    return std::chrono::microseconds(100 + shape.num_tokens());
  };
  device.kv_bytes_per_token = 1024;
  device.kv_memory_bytes = 64.0 * 1024 * 1024;
  device.host_link_bytes_per_second = 1e9;
  return device;
}

Workload small_list(const std::string& name) {
  GeneratorOptions options;
  options.name = name;
  options.num_requests = 60;
  options.prompt = NormalLengths{40, 10};
  options.output = LognormalLengths{20, 1, 1, 200};
  options.num_shared_beginnings = 2;
  options.shared_tokens = 32;
  return generate(options, 1);
}

StudyOptions small_study() {
  StudyOptions options;
  options.lists = {small_list("one"), small_list("two")};
  options.batches = {4, 8};
  for (const auto& policy : study_policies()) {
    options.policies.push_back(&policy);
  }
  options.max_stream_requests = 40;
  return options;
}

std::vector<StudyRun> run_all(const StudyOptions& options) {
  const auto device = small_device();
  std::vector<StudyRun> runs;
  for (const auto& one : plan_study(options, device)) {
    runs.push_back(run_case(one, device));
  }
  return runs;
}

std::ptrdiff_t count(const std::vector<StudyCase>& cases, StudyPart part) {
  return std::ranges::count(cases, part, &StudyCase::part);
}

}  // namespace

TEST_CASE("a study has every list at every batch, and every policy on one stream") {
  const auto options = small_study();
  const auto cases = plan_study(options, small_device());

  CHECK(count(cases, StudyPart::gain) == 2 * 2 * 3);
  CHECK(count(cases, StudyPart::modelled) == 2 * 2 * 4);
  CHECK(count(cases, StudyPart::policies) == std::ssize(study_policies()));
  CHECK(count(cases, StudyPart::prefixes) == 3 * 2);
  CHECK(std::ranges::is_sorted(cases, std::greater<>(), weight_of));
}

TEST_CASE("policies that were not asked for are left out, but never static") {
  auto options = small_study();
  options.policies = {find_study_policy("continuous")};
  std::set<std::string_view> names;
  for (const auto& one : plan_study(options, small_device())) {
    names.insert(one.policy->name);
  }

  CHECK(names == std::set<std::string_view>{"static", "continuous"});
}

TEST_CASE("the policies have names of their own, and no other name is one") {
  std::set<std::string_view> names;
  for (const auto& policy : study_policies()) {
    CHECK(names.insert(policy.name).second);
    CHECK(find_study_policy(policy.name) == &policy);
  }
  CHECK(find_study_policy("speculation") == nullptr);
}

TEST_CASE("whatever the policy, all requests of a study end, and static is never the faster") {
  const auto runs = run_all(small_study());
  for (const auto& run : runs) {
    CAPTURE(run.asked.policy->name);
    CAPTURE(run.asked.arrivals);
    CHECK(run.figures.num_finished == std::ssize(run.asked.list->requests));
    CHECK(run.figures.occupancy > 0);
    CHECK(run.figures.occupancy <= 1.0);
    CHECK(run.figures.busy_share <= 1.0 + 1e-9);
  }
  for (const auto part : {StudyPart::gain, StudyPart::spread, StudyPart::modelled}) {
    for (const auto& row : rows_of(runs, part)) {
      CAPTURE(row.run->asked.policy->name);
      REQUIRE(row.gain);
      CHECK(*row.gain > (row.run->asked.policy->name == "static" ? 0.999 : 0.9));
    }
  }
}

// One that ends with its prompt leaves its place to another while the batch still forms.
TEST_CASE("static batching needs about the steps of its bound, continuous nearly its own") {
  for (const auto& row : rows_of(run_all(small_study()), StudyPart::spread)) {
    CAPTURE(row.run->asked.list->name);
    const auto& asked = row.run->asked;
    if (asked.policy->name == "static") {
      CHECK(row.run->figures.num_steps <= row.bound.static_steps);
      CHECK(*row.gain < 1.05);
    } else if (asked.policy->name == "continuous") {
      CHECK(*row.share_of_bound() > 0.97);
      CHECK(*row.gain <= row.bound.gain_of_any_order() + 1e-9);
    }
  }
}

TEST_CASE("only where every step costs the same is a share of the bound told") {
  const auto runs = run_all(small_study());
  for (const auto& row : rows_of(runs, StudyPart::modelled)) {
    CHECK(!row.share_of_bound());
  }
  for (const auto& row : rows_of(runs, StudyPart::policies)) {
    CHECK(!row.gain);
  }
}

TEST_CASE("padding is charged to static batches alone") {
  for (const auto& row : rows_of(run_all(small_study()), StudyPart::modelled)) {
    const auto pads = row.run->asked.policy->padding == Padding::to_longest;
    CHECK((row.run->padding_bytes > 0) == pads);
  }
}

TEST_CASE("rows stand by list, arrivals, batch and policy") {
  const auto runs = run_all(small_study());
  const auto rows = rows_of(runs, StudyPart::gain);

  REQUIRE(rows.size() == 12);
  CHECK(rows[0].run->asked.list->name == "one");
  CHECK(rows[0].run->asked.batch == 4);
  CHECK(rows[0].run->asked.policy->name == "static");
  CHECK(rows[2].run->asked.policy->name == "continuous");
  CHECK(rows[3].run->asked.batch == 8);
  CHECK(rows[6].run->asked.list->name == "two");
}

TEST_CASE("each part of a study becomes a section whose table is whole") {
  const auto sections = sections_of(run_all(small_study()), StudyTimes::modelled);

  REQUIRE(sections.size() == 6);
  for (const auto& section : sections) {
    CAPTURE(section.title);
    CHECK(!section.table.rows.empty());
    CHECK(to_text(section.table).find("nan") == std::string::npos);
  }
  CHECK(sections[0].table.rows.size() == 4);
}

TEST_CASE("the bound of a list is counted in the order of its requests") {
  Workload list;
  for (const auto length : {4, 1, 2, 3}) {
    WorkloadRequest request;
    request.num_output_tokens = length;
    list.requests.push_back(request);
  }
  const auto bound = bound_of(list, 2);

  CHECK(bound.static_steps == 7);
  CHECK(bound.list_steps == 6);
  CHECK(bound.least_steps == 5);
  CHECK(bound.gain() == doctest::Approx(7.0 / 6));
  CHECK(bound.gain_of_any_order() == doctest::Approx(7.0 / 5));
  CHECK(bound.idle_share == doctest::Approx(4.0 / 14));
}

}  // namespace troupe::simulation
