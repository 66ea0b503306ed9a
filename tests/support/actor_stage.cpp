#include "tests/support/actor_stage.h"

#include "actors/caf_door.h"

#include <algorithm>
#include <utility>

namespace troupe {

class ActorStage::RecordingSink : public EventSink {
 public:
  explicit RecordingSink(std::shared_ptr<Heard> heard) : heard_(std::move(heard)) {}

  void deliver(Event event) noexcept override {
    heard_->after_end = heard_->after_end || heard_->num_ends() > 0;
    if (std::holds_alternative<Accepted>(event)) {
      ++heard_->num_accepted;
    } else if (auto* delta = std::get_if<Delta>(&event)) {
      heard_->tokens.insert(heard_->tokens.end(), delta->tokens.begin(), delta->tokens.end());
    } else if (auto* finished = std::get_if<Finished>(&event)) {
      heard_->finished.push_back(std::move(*finished));
    } else {
      heard_->failed.push_back(std::get<Failed>(std::move(event)));
    }
  }

 private:
  std::shared_ptr<Heard> heard_;
};

ActorStage::ActorStage(CompanyParts parts, std::uint32_t seed) : random_(seed) {
  configure(config_);
  config_.set("scheduler.policy", caf::atom("testing"));
  system_ = std::make_unique<caf::actor_system>(config_);
  scheduler_ = &dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
  scheduler_->clock().current_time += std::chrono::hours(1);  // 0 would mean "no timeout"
  company_ = system_->spawn(company_actor, std::move(parts), ThreadMode::pool);
}

ActorStage::~ActorStage() {
  caf::anon_send_exit(company_, caf::exit_reason::user_shutdown);
  company_ = nullptr;
  run();
}

RequestId ActorStage::submit(GenerateRequest request) {
  const RequestId id{++num_requests_};
  auto heard = std::make_shared<Heard>();
  heard_[id] = heard;
  caf::anon_send(company_, Submit{id, std::make_shared<const GenerateRequest>(std::move(request)),
                                  std::make_shared<RecordingSink>(std::move(heard)),
                                  scheduler_->clock().now()});
  return id;
}

void ActorStage::cancel(RequestId request) {
  caf::anon_send(company_, CancelRequest{request});
}

const Heard& ActorStage::heard(RequestId request) const {
  return *heard_.at(request);
}

bool ActorStage::step() {
  auto& jobs = scheduler_->jobs;
  if (jobs.empty()) {
    return false;
  }
  const auto pick = random_() % jobs.size();
  std::rotate(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(pick), jobs.end());
  return scheduler_->try_run_once();
}

std::int32_t ActorStage::run() {
  std::int32_t num_messages = 0;
  while (step()) {
    ++num_messages;
  }
  return num_messages;
}

void ActorStage::advance(Duration duration) {
  scheduler_->advance_time(duration);
  run();
}

}  // namespace troupe
