// Journals to read: a small ring that is short of everything, driven and recorded under a seed.
#pragma once

#include "engine/journal/recorder.h"

#include "tests/support/ring.h"
#include "tests/support/ring_requests.h"

#include <cstdint>
#include <random>
#include <string>

namespace troupe::test {

/// The ring goes on by one hop of one station.
inline void hop(Ring& ring) {
  ring.wait(std::chrono::milliseconds(1));
  static_cast<void>(ring.settle() || ring.deliver_grant() || ring.enqueue_plan() ||
                    ring.finish_step() || ring.deliver_result());
}

/// The device dies in the next step that it computes. There is somebody to compute.
inline void crash(Ring& ring) {
  while (!ring.crash()) {
    hop(ring);
  }
}

/// Ten requests of unlike priority on few blocks and seats; one is cancelled, and the device dies
/// once. The whole journal.
inline std::string recorded_ring(std::uint32_t seed) {
  auto recorded = journal::journal_beginning();
  RingOptions options;
  options.config = make_config(12, 4);
  options.config.max_num_seqs = 3;
  options.config.max_num_batched_tokens = 12;
  options.config.scheduling.policy = SchedulingPolicy::priority;
  options.journal = &recorded;
  Ring ring(options);
  std::mt19937 random(seed);
  constexpr std::uint64_t kRequests = 10;
  for (std::uint64_t number = 1; number <= kRequests; ++number) {
    const auto length = 1 + static_cast<std::int32_t>(random() % 20);
    auto request = make_request(number, counting(length, 2), 16);
    for (auto& token : request.tokens) {
      token = 2 + token % 40;
    }
    request.priority = static_cast<std::int32_t>(random() % 3);
    static_cast<void>(ring.submit(std::move(request)));
    for (auto count = random() % 30; count > 0; --count) {
      hop(ring);
    }
    if (number == 4) {
      ring.cancel(RequestId{2});
    } else if (number == 7) {
      crash(ring);
    }
  }
  ring.run_until_silent();
  return recorded + journal::journal_end(journal::EndReason::stopped);
}

}  // namespace troupe::test
