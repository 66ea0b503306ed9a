// The threads that share one operation's work. The caller is one of them; the others spin for a
// moment after each piece of work, in the middle of a step, and sleep between steps.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace troupe::cpu {

/// Owned and used by one thread, the caller. Who computes what is left to chance: a helper that
/// the machine gave no time does not delay the others, so work must not depend on its thread.
class ThreadTeam {
 public:
  /// `num_threads`, the caller included: at least 1 (checked).
  explicit ThreadTeam(std::int32_t num_threads);
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;
  ~ThreadTeam();

  [[nodiscard]] std::int32_t num_threads() const { return num_threads_; }

  /// Calls work(begin, end) for ranges that together cover [0, num_units) once, and returns when
  /// all calls have. What was written before is seen by `work`, and what it writes by the caller.
  /// `work` must not throw. Costs about half a microsecond with two threads.
  template <class Work>
  void run(std::int32_t num_units, const Work& work) {
    if (num_units <= 1 || num_threads_ == 1) {
      work(0, num_units);
      return;
    }
    const auto call = [](const void* erased, std::int32_t begin, std::int32_t end) {
      (*static_cast<const Work*>(erased))(begin, end);
    };
    share({.call = call, .work = &work, .num_units = num_units});
  }

 private:
  struct Job {
    void (*call)(const void*, std::int32_t, std::int32_t) = nullptr;
    const void* work = nullptr;
    std::int32_t num_units = 0;
  };

  void share(const Job& job);
  void help();
  bool work_on_some();
  [[nodiscard]] bool wait_for_work();
  void wait_for_others(std::int32_t num_units);

  const std::int32_t num_threads_;
  Job job_;  // written only while no unit is open or in work
  // The units not yet claimed, below a counter of jobs: a claim that succeeds was of this job.
  alignas(64) std::atomic<std::uint64_t> open_{0};
  alignas(64) std::atomic<std::int32_t> done_{0};
  alignas(64) std::atomic<std::uint32_t> signal_{0};  // moves with each job, and at the end
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> helpers_;
};

}  // namespace troupe::cpu
