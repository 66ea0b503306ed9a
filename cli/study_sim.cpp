#include "cli/study_sim.h"

#include "cli/progress_bar.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <string>
#include <thread>

namespace troupe::cli {
namespace {

using simulation::StudyCase;
using simulation::StudyDevice;
using simulation::StudyRun;

constexpr auto kGlance = std::chrono::milliseconds(100);

/// The cases are taken one by one by whichever thread is free.
struct Crew {
  const std::vector<StudyCase>& cases;
  const StudyDevice& device;
  std::vector<StudyRun> runs;  // each thread writes those that it took
  std::atomic<std::size_t> next = 0;
  std::atomic<std::size_t> num_done = 0;
  std::atomic<double> weight_done = 0;

  void work() {
    for (auto index = next.fetch_add(1); index < cases.size(); index = next.fetch_add(1)) {
      runs[index] = run_case(cases[index], device);
      weight_done.fetch_add(weight_of(cases[index]));
      num_done.fetch_add(1);
    }
  }
};

}  // namespace

std::vector<StudyRun> run_cases(const std::vector<StudyCase>& cases, const StudyDevice& device) {
  Crew crew{cases, device, std::vector<StudyRun>(cases.size())};
  double weight = 0;
  for (const auto& one : cases) {
    weight += weight_of(one);
  }
  ProgressBar bar;
  {
    std::vector<std::jthread> threads;
    const auto count = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 64);
    for (std::size_t number = 0; number < std::min(count, cases.size()); ++number) {
      threads.emplace_back([&crew] { crew.work(); });
    }
    while (crew.num_done.load() < cases.size()) {
      bar.show(
          crew.weight_done.load() / std::max(weight, 1.0),
          std::to_string(crew.num_done.load()) + " of " + std::to_string(cases.size()) + " runs");
      std::this_thread::sleep_for(kGlance);
    }
  }
  return std::move(crew.runs);
}

}  // namespace troupe::cli
