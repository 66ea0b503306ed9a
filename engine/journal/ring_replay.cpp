#include "engine/journal/ring_replay.h"

#include "engine/base/check.h"

#include <utility>

namespace troupe::journal {
namespace {

// One proposal is outstanding at a time, so the records of the two stations are hardly apart: what
// is further apart than this was not recorded so.
constexpr std::size_t kMaxStepsApart = 16;

std::string name(StepNumber step) {
  return "step " + std::to_string(step.value);
}

std::string describe(const Parting& parting) {
  const auto number = [](const std::optional<std::int64_t>& value) {
    return value ? std::to_string(*value) : "nothing";
  };
  return parting.field + ": recorded " + number(parting.recorded) + ", replayed " +
         number(parting.replayed);
}

std::string describe(const Refused& refused) {
  return "the refusal of request " + std::to_string(refused.request.value) + ", attempt " +
         std::to_string(refused.attempt.value) + ", as " + std::string(to_string(refused.code));
}

bool same(const Refused& left, const Refused& right) {
  return left.request == right.request && left.attempt == right.attempt && left.code == right.code;
}

std::string describe(const StepProposal& proposal) {
  return "a proposal of " + name(proposal.step);
}

}  // namespace

RingReplay::RingReplay(const RingBegan& began, Agreements& agreements)
    : config_(began.engine),
      ring_(began.ring),
      agreements_(agreements),
      scheduler_(began.engine, began.ring, began.suspects),
      memory_(began.memory, began.ring) {}

Turn RingReplay::take(const Record& record) {
  Turn turn;
  if (difference_) {
    return turn;
  }
  // The border of the stations, as an actor is in a program that serves: what they find broken ends
  // them, and not the replay.
  try {
    std::visit([&](const auto& one) { play(one, turn); }, record);
  } catch (const InvariantViolation& violation) {
    failed_check_ = violation.what();
    scheduler_failed_ = true;
  }
  return turn;
}

// Nothing more may come from a scheduler that failed, nor may it have kept an output to itself.
bool RingReplay::scheduler_plays() {
  if (scheduler_failed_) {
    differ("the order", "the recorded scheduler went on where the replayed one failed a check: " +
                            failed_check_);
  } else if (!outputs_.empty()) {
    differ("the order",
           "the recording lacks " +
               std::visit([](const auto& output) { return describe(output); }, outputs_.front()) +
               ", which the replay made");
  }
  return !difference_;
}

void RingReplay::play(const Enqueued& record, Turn& turn) {
  if (!scheduler_plays()) {
    return;
  }
  const auto request = record.request.request;
  const auto attempt = record.request.attempt;
  if (auto taken = scheduler_.enqueue(record.request); !taken) {
    outputs_.emplace_back(Refused{ring_, request, attempt, taken.error().code});
    turn.rejections.push_back(Rejection{request, attempt, std::move(taken).error()});
  }
}

void RingReplay::play(const Cancelled& record, Turn&) {
  if (scheduler_plays()) {
    scheduler_.cancel(record.request);
  }
}

void RingReplay::play(const Asked& record, Turn& turn) {
  if (!scheduler_plays()) {
    return;
  }
  turn.proposal = scheduler_.propose(record.now);
  turn.rejections = scheduler_.take_rejections();
  if (turn.proposal) {
    last_step_ = turn.proposal->step;
    outputs_.emplace_back(*turn.proposal);
  }
  for (const auto& rejection : turn.rejections) {
    outputs_.emplace_back(
        Refused{ring_, rejection.request, rejection.attempt, rejection.error.code});
  }
  if (turn.proposal) {
    settle(*turn.proposal, turn);
  }
}

// At once: the memory manager sees nothing but proposals, in their order.
void RingReplay::settle(const StepProposal& proposal, Turn& turn) {
  if (memory_failed_) {
    return;
  }
  try {
    turn.settled = memory_.settle(proposal);
  } catch (const InvariantViolation& violation) {
    failed_check_ = violation.what();
    memory_failed_ = true;
    return;
  }
  grants_.emplace(proposal.step, turn.settled->granted);
  answers_.push_back(Answer{proposal.step, *turn.settled});
  while (!early_.empty() && !answers_.empty() && !difference_) {
    compare(early_.front(), answers_.front());
    early_.pop_front();
    answers_.pop_front();
  }
  if (answers_.size() > kMaxStepsApart) {
    differ("the order", "the recording lacks the grant of " + name(answers_.front().step));
  }
}

void RingReplay::play(const GrantArrived& record, Turn& turn) {
  if (!scheduler_plays()) {
    return;
  }
  const auto found = record.of_ring == ring_ ? grants_.find(record.step) : grants_.end();
  StepGranted granted;
  granted.ring = record.of_ring;
  granted.step = record.step;
  if (found != grants_.end()) {
    granted = std::move(found->second);
    grants_.erase(found);
  }
  turn.outcome = scheduler_.acknowledge(granted);
}

void RingReplay::play(const ResultArrived& record, Turn& turn) {
  if (scheduler_plays()) {
    turn.outcome = scheduler_.apply(record.result);
  }
}

void RingReplay::play(const Proposed& record, Turn&) {
  auto* proposal = outputs_.empty() || scheduler_failed_
                       ? nullptr
                       : std::get_if<StepProposal>(&outputs_.front());
  if (proposal == nullptr) {
    differ("the proposal", "one was recorded, the replay makes none");
    return;
  }
  if (const auto parted = parting(record.image, *proposal)) {
    differ("the proposal", *parted);
    return;
  }
  ++agreements_.num_proposals;
  outputs_.pop_front();
}

void RingReplay::play(const Refused& record, Turn&) {
  const auto* refused =
      outputs_.empty() || scheduler_failed_ ? nullptr : std::get_if<Refused>(&outputs_.front());
  if (refused == nullptr || !same(*refused, record)) {
    differ("a refusal", "recorded " + describe(record) + ", replayed " +
                            (refused == nullptr ? "none" : describe(*refused)));
    return;
  }
  ++agreements_.num_refusals;
  outputs_.pop_front();
}

void RingReplay::play(const Settled& record, Turn&) {
  if (memory_failed_) {
    differ("the grant",
           "the recorded memory manager went on where the replayed one failed a "
           "check: " +
               failed_check_);
  } else if (!answers_.empty()) {
    compare(record, answers_.front());
    answers_.pop_front();
  } else if (early_.size() < kMaxStepsApart) {
    early_.push_back(record);
  } else {
    differ("the grant", "one of " + name(record.step) + " was recorded, the replay makes none");
  }
}

void RingReplay::compare(const Settled& recorded, const Answer& replayed) {
  compare_images(recorded, replayed.settled);
  if (difference_) {
    difference_->step = replayed.step;
  }
}

void RingReplay::compare_images(const Settled& recorded, const MemoryManager::Settled& replayed) {
  const auto& [granted, plan] = replayed;
  if (const auto parted = parting(recorded.grant, granted)) {
    differ("the grant", *parted);
    return;
  }
  ++agreements_.num_grants;
  if (recorded.plan.empty() != (plan == nullptr)) {
    differ("the plan", plan == nullptr ? "one was recorded, the replay makes none"
                                       : "none was recorded, the replay makes one");
    return;
  }
  if (plan == nullptr) {
    return;
  }
  if (const auto parted = parting(recorded.plan, *plan)) {
    differ("the plan", *parted);
    return;
  }
  ++agreements_.num_plans;
}

void RingReplay::differ(std::string what, std::string description) {
  difference_ = Difference{ring_, last_step_, std::move(what), std::move(description)};
}

void RingReplay::differ(std::string what, const Parting& parting) {
  differ(std::move(what), describe(parting));
}

}  // namespace troupe::journal
