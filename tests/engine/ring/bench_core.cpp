// Measures what one iteration costs on the host without actors and without a device: scheduler
// (propose, acknowledge, apply) and memory manager (settle), for a batch of decodes beside a queue.
//   bench_core [sequences] [queue length] [iterations]
#include "engine/memory/memory_manager.h"
#include "engine/scheduling/scheduler.h"

#include "tests/support/ring_requests.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <utility>
#include <vector>

namespace troupe::test {
namespace {

using Clock = std::chrono::steady_clock;

struct Load {
  std::int32_t num_sequences = 128;
  std::int32_t num_queued = 0;
  std::int32_t num_iterations = 2000;
};

/// The median: the machine may have other work.
double median_microseconds(std::vector<Clock::duration>& elapsed) {
  const auto middle = elapsed.begin() + static_cast<std::ptrdiff_t>(elapsed.size() / 2);
  std::ranges::nth_element(elapsed, middle);
  return std::chrono::duration<double, std::micro>(*middle).count();
}

EngineConfig bench_config(const Load& load) {
  auto config = make_config(200'000, 16);
  config.max_num_seqs = load.num_sequences;
  config.max_model_len = 100'000;
  config.max_num_batched_tokens = 8192;
  config.max_num_queued_requests = load.num_sequences + load.num_queued;
  return config;
}

void measure(const Load& load) {
  const auto config = bench_config(load);
  Scheduler scheduler(config, RingNumber{1});
  MemoryManager memory({config.num_blocks, config.block_size, true}, RingNumber{1});
  for (std::int32_t number = 1; number <= load.num_sequences + load.num_queued; ++number) {
    const auto taken = scheduler.enqueue(
        make_request(static_cast<std::uint64_t>(number), counting(200, number * 1000), 20'000));
    if (!taken) {
      std::fprintf(stderr, "%s\n", taken.error().message.c_str());
      return;
    }
  }
  std::vector<Clock::duration> in_scheduler;
  std::vector<Clock::duration> in_memory;
  std::deque<StepGranted> in_flight;
  for (std::int32_t turn = 0; turn < load.num_iterations; ++turn) {
    const auto begin = Clock::now();
    const auto proposal = scheduler.propose({});
    const auto proposed = Clock::now();
    auto settled = memory.settle(*proposal);
    const auto done = Clock::now();
    const auto outcome = scheduler.acknowledge(settled.granted);
    auto host_time = proposed - begin + (Clock::now() - done);
    in_memory.push_back(done - proposed);
    in_flight.push_back(std::move(settled.granted));
    if (in_flight.size() == 2) {
      const auto result = sample_all(in_flight.front(), turn % 50'000 + 1);
      in_flight.pop_front();
      const auto arrived = Clock::now();
      const auto tokens = scheduler.apply(result);
      host_time += Clock::now() - arrived;
    }
    in_scheduler.push_back(host_time);
  }
  std::printf("%d sequences, %d queued: scheduler %.2f us, memory manager %.2f us a step\n",
              load.num_sequences, load.num_queued, median_microseconds(in_scheduler),
              median_microseconds(in_memory));
}

std::int32_t argument(int argc, char** argv, int place, std::int32_t otherwise) {
  return place < argc ? static_cast<std::int32_t>(std::strtol(argv[place], nullptr, 10))
                      : otherwise;
}

}  // namespace
}  // namespace troupe::test

int main(int argc, char** argv) {
  using troupe::test::argument;
  troupe::test::Load load;
  load.num_sequences = argument(argc, argv, 1, load.num_sequences);
  load.num_queued = argument(argc, argv, 2, load.num_queued);
  load.num_iterations = argument(argc, argv, 3, load.num_iterations);
  troupe::test::measure(load);
  return 0;
}
