#include "engine/simulation/study_drive.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe::simulation {
namespace {

constexpr std::int32_t kVocabSize = 32'000;
constexpr std::size_t kNobody = std::numeric_limits<std::size_t>::max();

/// Who sits on a seat, and how many of its tokens the KV cache holds.
struct Seat {
  SequenceId sequence;
  std::size_t request = kNobody;
  std::int32_t num_stored = 0;
};

class Drive {
 public:
  Drive(const Workload& workload, const VirtualEngineOptions& options)
      : workload_(workload),
        engine_(options, [this](const SettledStep& step) { settled(step); }),
        num_blocks_(options.memory.num_blocks),
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
      engine_.plan();
      const auto arrives = next_ < workload_.requests.size();
      const auto end = engine_.next_end();
      if (end && (!arrives || *end <= workload_.requests[next_].arrival)) {
        now_ = *end;
        deliver(engine_.land());
      } else if (arrives) {
        now_ = std::max(now_, workload_.requests[next_].arrival);
      } else {
        break;
      }
    }
    const auto totals = engine_.totals();
    record_.num_discarded_rows = totals.num_discarded_rows;
    record_.num_swapped_blocks = totals.num_swapped_blocks;
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
      auto prompt = prompt_tokens(workload_, next_, kVocabSize);
      if (!engine_.enqueue(first_attempt(request, next_, std::move(prompt)), now_)) {
        record.ending = Ending::refused;
        record.end = now_;
      }
    }
  }

  void settled(const SettledStep& step) {
    for (const auto id : step.proposal.releases) {
      const auto seat = std::ranges::find(seats_, id, &Seat::sequence);
      if (seat != seats_.end()) {
        clear(*seat);
      }
    }
    for (const auto id : step.granted.preempted) {
      const auto seat = std::ranges::find(seats_, id, &Seat::sequence);
      if (seat != seats_.end()) {
        preempt(*seat);
      }
    }
    if (step.plan != nullptr) {
      seat_entrants(*step.plan, step.begin);
      record_step(step, *step.plan);
    }
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

  void record_step(const SettledStep& settled, const StepPlan& plan) {
    StepRecord step;
    step.begin = settled.begin;
    step.end = settled.end;
    step.num_rows = static_cast<std::int32_t>(plan.rows.size());
    for (const auto& row : plan.rows) {
      const auto num_tokens = row.end - row.begin;
      (num_tokens == 1 ? step.num_decode_tokens : step.num_prefill_tokens) += num_tokens;
      auto& seat = seats_[static_cast<std::size_t>(row.seat)];
      num_stored_ += row.end - seat.num_stored;
      seat.num_stored = row.end;
    }
    step.num_waiting = settled.num_waiting;
    step.num_running = settled.num_running;
    step.num_used_blocks = num_blocks_ - settled.granted.num_free_blocks;
    step.num_stored_tokens = num_stored_;
    record_.steps.push_back(step);
  }

  void deliver(const std::vector<RequestTokens>& tokens) {
    for (const auto& token : tokens) {
      const auto index = token.request.value;
      auto& record = record_.requests[index];
      if (record.num_output_tokens++ == 0) {
        record.first_token = now_;
        record.num_cached_tokens = token.num_cached_tokens;
      } else {
        record_.inter_token.add(now_ - last_tokens_[index]);
      }
      if (record.phases.back().phase == Phase::prefill) {
        record.phases.push_back({Phase::decode, now_});
      }
      last_tokens_[index] = now_;
      if (token.finished) {
        record.ending = Ending::finished;
        record.end = now_;
      }
    }
  }

  const Workload& workload_;
  VirtualEngine engine_;
  std::int32_t num_blocks_;
  RunRecord record_;
  std::vector<Duration> last_tokens_;  // of each request that has one
  std::vector<Seat> seats_;
  std::size_t next_ = 0;
  std::int64_t num_stored_ = 0;
  Duration now_{};
};

}  // namespace

RunRecord drive(const Workload& workload, const VirtualEngineOptions& options) {
  return Drive(workload, options).run();
}

}  // namespace troupe::simulation
