#include "engine/simulation/plot.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

namespace troupe::simulation {
namespace {

using std::chrono::seconds;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

RunRecord run_of(std::int32_t num_requests) {
  RunRecord run;
  run.num_blocks = 100;
  run.bytes_per_block = 1 << 20;
  for (std::int32_t number = 0; number < num_requests; ++number) {
    StepRecord step;
    step.begin = seconds(number);
    step.end = seconds(number + 1);
    step.num_rows = 3;
    step.num_used_blocks = 50;
    step.num_stored_tokens = 700;
    run.steps.push_back(step);
    RequestRecord request;
    request.end = seconds(number + 1);
    request.ending = Ending::finished;
    request.phases = {{Phase::queued, {}}, {Phase::decode, seconds(number)}};
    run.requests.push_back(request);
  }
  return run;
}

// What every picture must be: whole, with both axes named, and with numbers only.
void check_svg(const std::string& svg, const std::string& x, const std::string& y) {
  CHECK(svg.find("<svg ") == 0);
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(svg.find(">" + x + "<") != std::string::npos);
  CHECK(svg.find(">" + y + "<") != std::string::npos);
  CHECK(svg.find("nan") == std::string::npos);
  CHECK(svg.find("inf") == std::string::npos);
  CHECK(svg.find("http") == svg.find("http://www.w3.org/2000/svg"));
}

}  // namespace

TEST_CASE("occupancy is a line for each run, named in the legend") {
  const auto one = run_of(5);
  const auto other = run_of(9);
  const std::array<NamedRun, 2> runs = {NamedRun{"one", &one}, NamedRun{"other", &other}};
  const auto svg = plot_occupancy("t", runs, 4);

  check_svg(svg, "time (s)", "sequences in a step");
  CHECK(count(svg, "<polyline") == 2);
  CHECK(svg.find(">other<") != std::string::npos);
}

TEST_CASE("a run that stands still at one height is a level line, and falls to nothing behind it") {
  const auto one = run_of(2);
  const auto longer = run_of(4);
  const std::array<NamedRun, 2> runs = {NamedRun{"one", &one}, NamedRun{"longer", &longer}};
  const auto svg = plot_occupancy("t", runs, 3);
  // Half of the 400 moments of the first line, all of the second one.
  const auto full = count(svg, ",61.8 ");

  CHECK(full == 200 + 400);
}

TEST_CASE("a Gantt chart has a bar for each phase of the requests that it shows") {
  constexpr std::size_t kFrame = 5;  // the paper, and four boxes of the legend
  const auto few = plot_gantt("t", run_of(7), 10);
  const auto some = plot_gantt("t", run_of(70), 10);

  check_svg(few, "time (s)", "requests, by arrival");
  CHECK(count(few, "<rect") == kFrame + 7 * 2);
  CHECK(count(some, "<rect") == kFrame + 10 * 2);
  CHECK(some.find("10 of 70") != std::string::npos);
}

TEST_CASE("KV use shows the device's limit when it is near, and not when it is far") {
  auto run = run_of(3);
  check_svg(plot_kv_use("t", run), "time (s)", "KV cache (GiB)");
  CHECK(plot_kv_use("t", run).find(">device<") != std::string::npos);
  run.num_blocks = 100'000;
  CHECK(plot_kv_use("t", run).find(">device<") == std::string::npos);
}

TEST_CASE("percentiles are four bars for each name") {
  const std::array<NamedPercentiles, 2> all = {NamedPercentiles{"a", {1, 2, 3, 4}},
                                               NamedPercentiles{"b", {2, 3, 4, 5}}};
  const auto svg = plot_percentiles("t", "latency", all);

  check_svg(svg, "percentile", "latency (s)");
  CHECK(count(svg, "<rect") == 1 + 2 + 8);
}

TEST_CASE("gains are drawn over the batch sizes, their bounds dashed") {
  const std::array<std::int32_t, 3> batches = {8, 16, 32};
  const std::array<GainSeries, 1> all = {GainSeries{"list", {1, 2, 3}, {1, 2, 3.5}}};
  const auto svg = plot_gains("t", batches, all);

  check_svg(svg, "batch size", "times static batching");
  CHECK(count(svg, "stroke-dasharray") == 1);
}

TEST_CASE("runs in which nothing happened give empty pictures") {
  const RunRecord empty;
  const std::array<NamedRun, 1> runs = {NamedRun{"empty", &empty}};

  check_svg(plot_occupancy("t", runs, 4), "time (s)", "sequences in a step");
  check_svg(plot_gantt("t", empty), "time (s)", "requests, by arrival");
  check_svg(plot_kv_use("t", empty), "time (s)", "KV cache (GiB)");
  check_svg(plot_percentiles("t", "latency", {}), "percentile", "latency (s)");
  check_svg(plot_gains("t", {}, {}), "batch size", "times static batching");
}

}  // namespace troupe::simulation
