#include "rehearsal/device.h"

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>

namespace troupe::rehearsal {
namespace {

using Next = DeviceFaults::Next;

class RehearsalDevice : public Backend {
 public:
  RehearsalDevice(SimOptions options, std::shared_ptr<DeviceFaults> faults)
      : inner_(std::move(options)), faults_(std::move(faults)) {}

  const BackendDescription& description() const override { return inner_.description(); }

  std::int32_t capacity() const override { return inner_.capacity(); }

  Result<void> enqueue(std::shared_ptr<const StepPlan> plan) override {
    if (meets(*plan, Next::refuse_plan)) {
      return fail(ErrorCode::device, std::string(kRehearsedFault) + ": the plan is refused");
    }
    pending_.push_back(plan);
    return inner_.enqueue(std::move(plan));
  }

  Result<StepResult> wait() override {
    const auto plan = std::move(pending_.front());
    pending_.pop_front();
    for (const auto& taken : plan->seats_taken) {
      seats_[taken.seat] = taken.start->request;
    }
    const auto is_poisoned = std::ranges::any_of(plan->rows, [&](const PlanRow& row) {
      return faults_->poisonous.contains(seats_.at(row.seat));
    });
    if (is_poisoned || faults_->hopeless || meets(*plan, Next::kill_worker)) {
      throw std::runtime_error(std::string(kRehearsedFault) + ": the device is on fire");
    }
    if (meets(*plan, Next::fail_step)) {
      return fail(ErrorCode::device, std::string(kRehearsedFault) + ": a launch failed");
    }
    return inner_.wait();
  }

  Result<void> begin_ring(RingNumber ring) override {
    pending_.clear();
    seats_.clear();
    return inner_.begin_ring(ring);
  }

 private:
  bool meets(const StepPlan& plan, Next fault) {
    if (faults_->next != fault || plan.rows.size() < 2) {
      return false;
    }
    faults_->next = Next::none;
    ++faults_->num_met;
    return true;
  }

  SimBackend inner_;
  std::shared_ptr<DeviceFaults> faults_;
  std::deque<std::shared_ptr<const StepPlan>> pending_;
  std::unordered_map<std::int32_t, RequestId> seats_;
};

}  // namespace

std::unique_ptr<Backend> make_rehearsal_device(SimOptions options,
                                               std::shared_ptr<DeviceFaults> faults) {
  return std::make_unique<RehearsalDevice>(std::move(options), std::move(faults));
}

}  // namespace troupe::rehearsal
