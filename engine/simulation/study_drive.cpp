#include "engine/simulation/study_drive.h"

#include "engine/memory/memory_manager.h"
#include "engine/scheduling/scheduler.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <string>
#include <utility>

namespace troupe::simulation {
namespace {

constexpr std::int32_t kVocabSize = 32'000;
constexpr TokenId kToken = 1;
constexpr std::size_t kNobody = std::numeric_limits<std::size_t>::max();

struct InFlight {
  StepResult result;
  Duration end{};
};

/// Who sits on a seat, and how many of its tokens the KV cache holds.
struct Seat {
  SequenceId sequence;
  std::size_t request = kNobody;
  std::int32_t num_stored = 0;
};

class Drive {
 public:
  Drive(const Workload& workload, const DriveOptions& options)
      : workload_(workload),
        options_(options),
        scheduler_(options.engine, RingNumber{1}),
        memory_(options.memory, RingNumber{1}),
        last_tokens_(workload.requests.size()),
        seats_(static_cast<std::size_t>(options.engine.max_num_seqs)) {
    record_.block_size = options.memory.block_size;
    record_.num_blocks = options.memory.num_blocks;
    record_.bytes_per_block = options.memory.bytes_per_block;
    record_.requests.resize(workload.requests.size());
  }

  RunRecord run() {
    for (;;) {
      let_in();
      if (const auto proposal = scheduler_.propose(TimePoint(now_))) {
        settle(*proposal);
        continue;
      }
      const auto arrives = next_ < workload_.requests.size();
      if (!flights_.empty() &&
          (!arrives || flights_.front().end <= workload_.requests[next_].arrival)) {
        land();
      } else if (arrives) {
        now_ = std::max(now_, workload_.requests[next_].arrival);
      } else {
        break;
      }
    }
    record_.num_discarded_rows = scheduler_.statistics().num_discarded_rows;
    const auto& memory = memory_.statistics();
    record_.num_swapped_blocks = memory.num_swapped_in_blocks + memory.num_swapped_out_blocks;
    return std::move(record_);
  }

 private:
  void let_in() {
    for (; next_ < workload_.requests.size() && workload_.requests[next_].arrival <= now_;
         ++next_) {
      const auto& request = workload_.requests[next_];
      auto& record = record_.requests[next_];
      record.arrival = request.arrival;
      record.num_prompt_tokens = request.num_prompt_tokens;
      record.priority = request.priority;
      record.phases.push_back({Phase::queued, request.arrival});
      if (!scheduler_.enqueue(attempt_of(next_))) {
        record.ending = Ending::refused;
        record.end = now_;
      }
    }
  }

  EnqueuedRequest attempt_of(std::size_t index) const {
    const auto& request = workload_.requests[index];
    EnqueuedRequest attempt;
    attempt.request = RequestId{index};
    attempt.attempt = AttemptNumber{1};
    attempt.tokens = prompt_tokens(workload_, index, kVocabSize);
    attempt.num_prompt_tokens = request.num_prompt_tokens;
    attempt.max_output_tokens = request.num_output_tokens;
    attempt.sampling.temperature = 0.0F;
    attempt.sampling.seed = 0;
    attempt.sampling.ignore_eos = true;
    attempt.arrival = TimePoint(request.arrival);
    attempt.priority = request.priority;
    attempt.tenant = std::to_string(request.tenant);
    return attempt;
  }

  void settle(const StepProposal& proposal) {
    auto settled = memory_.settle(proposal);
    for (const auto id : proposal.releases) {
      const auto seat = std::ranges::find(seats_, id, &Seat::sequence);
      if (seat != seats_.end()) {
        clear(*seat);
      }
    }
    for (const auto id : settled.granted.preempted) {
      const auto seat = std::ranges::find(seats_, id, &Seat::sequence);
      if (seat != seats_.end()) {
        preempt(*seat);
      }
    }
    if (settled.plan) {
      enqueue(*settled.plan, settled.granted);
    }
    deliver(scheduler_.acknowledge(settled.granted), now_);
  }

  void preempt(Seat& seat) {
    auto& record = record_.requests[seat.request];
    record.phases.push_back({Phase::preempted, now_});
    ++record.num_preemptions;
    clear(seat);
  }

  void clear(Seat& seat) {
    num_stored_ -= seat.num_stored;
    seat = {};
  }

  Duration cost_of(const StepPlan& plan) const {
    const auto cost = options_.cost(options_.shape(plan));
    const auto num_moved = plan.swaps_in.size() + plan.swaps_out.size();
    const auto& memory = options_.memory;
    if (num_moved == 0 || memory.host_link_bytes_per_second <= 0) {
      return cost;
    }
    const auto bytes = static_cast<double>(num_moved) * static_cast<double>(memory.bytes_per_block);
    const std::chrono::duration<double> moving(bytes / memory.host_link_bytes_per_second);
    return cost + std::chrono::duration_cast<Duration>(moving);
  }

  void enqueue(const StepPlan& plan, const StepGranted& granted) {
    StepRecord step;
    step.begin = std::max(now_, device_free_);
    step.end = step.begin + cost_of(plan);
    device_free_ = step.end;
    InFlight flight;
    flight.end = step.end;
    flight.result.ring = plan.ring;
    flight.result.step = plan.step;
    flight.result.device_time = step.end - step.begin;
    seat_entrants(plan, step.begin);
    store_rows(plan, step);
    for (const auto& row : granted.rows) {
      if (row.samples) {
        flight.result.tokens.push_back(SampledToken{row.sequence, row.end, kToken, {}, {}});
      }
    }
    const auto statistics = scheduler_.statistics();
    step.num_waiting = statistics.num_waiting;
    step.num_running = statistics.num_running;
    step.num_used_blocks = memory_.num_total_blocks() - granted.num_free_blocks;
    step.num_stored_tokens = num_stored_;
    record_.steps.push_back(step);
    flights_.push_back(std::move(flight));
  }

  void seat_entrants(const StepPlan& plan, Duration begin) {
    for (const auto& taken : plan.seats_taken) {
      const auto index = static_cast<std::size_t>(taken.start->request.value);
      auto& seat = seats_[static_cast<std::size_t>(taken.seat)];
      clear(seat);
      seat.sequence = taken.start->sequence;
      seat.request = index;
      record_.requests[index].phases.push_back({Phase::prefill, begin});
    }
  }

  void store_rows(const StepPlan& plan, StepRecord& step) {
    step.num_rows = static_cast<std::int32_t>(plan.rows.size());
    for (const auto& row : plan.rows) {
      const auto num_tokens = row.end - row.begin;
      (num_tokens == 1 ? step.num_decode_tokens : step.num_prefill_tokens) += num_tokens;
      auto& seat = seats_[static_cast<std::size_t>(row.seat)];
      num_stored_ += row.end - seat.num_stored;
      seat.num_stored = row.end;
    }
  }

  void land() {
    auto flight = std::move(flights_.front());
    flights_.pop_front();
    now_ = std::max(now_, flight.end);
    deliver(scheduler_.apply(flight.result), flight.end);
  }

  void deliver(const StepOutcome& outcome, Duration time) {
    for (const auto& token : outcome.tokens) {
      const auto index = token.request.value;
      auto& record = record_.requests[index];
      if (record.num_output_tokens++ == 0) {
        record.first_token = time;
        record.num_cached_tokens = token.num_cached_tokens;
      } else {
        record_.inter_token.add(time - last_tokens_[index]);
      }
      if (record.phases.back().phase == Phase::prefill) {
        record.phases.push_back({Phase::decode, time});
      }
      last_tokens_[index] = time;
      if (token.finished) {
        record.ending = Ending::finished;
        record.end = time;
      }
    }
  }

  const Workload& workload_;
  const DriveOptions& options_;
  Scheduler scheduler_;
  MemoryManager memory_;
  RunRecord record_;
  std::vector<Duration> last_tokens_;  // of each request that has one
  std::vector<Seat> seats_;
  std::deque<InFlight> flights_;
  std::size_t next_ = 0;
  std::int64_t num_stored_ = 0;
  Duration now_{};
  Duration device_free_{};
};

}  // namespace

RunRecord drive(const Workload& workload, const DriveOptions& options) {
  return Drive(workload, options).run();
}

}  // namespace troupe::simulation
