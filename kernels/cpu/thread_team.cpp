// Work is claimed in ranges that shrink towards the end, so that few claims are made and the last
// ones are short. A claim takes units off `open_` with one compare-and-swap; the job cannot change
// before its last unit is done, so a claimed unit's job is always the current one.
#include "kernels/cpu/thread_team.h"

#include "engine/base/check.h"

#include <algorithm>
#include <chrono>

namespace troupe::cpu {
namespace {

// Longer than the gaps within a step, shorter than a sleep and a waking together.
constexpr std::chrono::microseconds kSpinTime{20};
constexpr std::uint64_t kUnitsMask = 0xffffffffULL;
constexpr std::uint64_t kNextJob = 1ULL << 32U;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Asks `ready` again and again; false when it was not within `kSpinTime`.
template <class Ready>
bool spin(const Ready& ready) {
  constexpr int kTriesPerLook = 64;  // reading the clock costs as much as several tries
  const auto deadline = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int i = 0; i < kTriesPerLook; ++i) {
      if (ready()) {
        return true;
      }
      pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return ready();
}

}  // namespace

ThreadTeam::ThreadTeam(std::int32_t num_threads) : num_threads_(num_threads) {
  TROUPE_CHECK(num_threads >= 1, "a team needs a thread");
  helpers_.reserve(static_cast<std::size_t>(num_threads - 1));
  for (std::int32_t i = 1; i < num_threads; ++i) {
    helpers_.emplace_back([this] { help(); });
  }
}

ThreadTeam::~ThreadTeam() {
  stopping_.store(true);
  signal_.fetch_add(1);
  signal_.notify_all();
  for (auto& helper : helpers_) {
    helper.join();
  }
}

void ThreadTeam::share(const Job& job) {
  job_ = job;
  done_.store(0, std::memory_order_relaxed);
  const auto jobs_before = open_.load(std::memory_order_relaxed) & ~kUnitsMask;
  open_.store((jobs_before + kNextJob) | static_cast<std::uint32_t>(job.num_units));
  signal_.fetch_add(1);
  signal_.notify_all();
  while (work_on_some()) {
  }
  wait_for_others(job.num_units);
}

bool ThreadTeam::work_on_some() {
  auto open = open_.load(std::memory_order_acquire);
  std::uint64_t left = 0;
  std::uint64_t taken = 0;
  do {
    left = open & kUnitsMask;
    if (left == 0) {
      return false;
    }
    const auto share = 2 * static_cast<std::uint64_t>(num_threads_);
    taken = (left + share - 1) / share;
  } while (!open_.compare_exchange_weak(open, open - taken, std::memory_order_acq_rel,
                                        std::memory_order_acquire));
  const auto begin = job_.num_units - static_cast<std::int32_t>(left);
  const auto count = static_cast<std::int32_t>(taken);
  const auto num_units = job_.num_units;
  job_.call(job_.work, begin, begin + count);
  if (done_.fetch_add(count) + count == num_units) {
    done_.notify_one();
  }
  return true;
}

void ThreadTeam::help() {
  while (wait_for_work()) {
    while (work_on_some()) {
    }
  }
}

bool ThreadTeam::wait_for_work() {
  const auto has_news = [this] {
    return (open_.load(std::memory_order_acquire) & kUnitsMask) != 0 || stopping_.load();
  };
  while (true) {
    const auto seen = signal_.load();
    if (spin(has_news)) {
      return !stopping_.load();
    }
    signal_.wait(seen);
  }
}

void ThreadTeam::wait_for_others(std::int32_t num_units) {
  const auto all_done = [&] { return done_.load(std::memory_order_acquire) == num_units; };
  if (spin(all_done)) {
    return;
  }
  for (auto done = done_.load(); done != num_units; done = done_.load()) {
    done_.wait(done);
  }
}

}  // namespace troupe::cpu
