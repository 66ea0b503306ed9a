#include "rehearsal/actor_stage.h"

#include "actors/caf_door.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace troupe::rehearsal {
namespace {

class RecordingSink : public EventSink {
 public:
  explicit RecordingSink(std::shared_ptr<Heard> heard) : heard_(std::move(heard)) {}

  void deliver(Event event) noexcept override { heard_->hear(std::move(event)); }

 private:
  std::shared_ptr<Heard> heard_;
};

// Looks into a mailbox as far as the next run of its actor will.
Cue cue_of(caf::resumable* job) {
  Cue cue;
  cue.actor = dynamic_cast<caf::scheduled_actor*>(job);
  if (cue.actor == nullptr || cue.actor->mailbox().closed()) {
    return cue;
  }
  cue.actor->mailbox().fetch_more();
  if (auto* urgent = cue.actor->get_urgent_queue().peek()) {
    cue.urgent = &urgent->content();
  }
  if (auto* normal = cue.actor->get_normal_queue().peek()) {
    cue.normal = &normal->content();
  }
  return cue;
}

}  // namespace

ActorStage::ActorStage(CompanyParts parts, std::uint64_t seed) : draw_(seed) {
  configure(config_);
  config_.set("scheduler.policy", caf::atom("testing"));
  system_ = std::make_unique<caf::actor_system>(config_);
  scheduler_ = &dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
  scheduler_->clock().current_time += std::chrono::hours(1);  // 0 would mean "no timeout"
  company_ = system_->spawn(company_actor, std::move(parts), ThreadMode::pool);
}

ActorStage::~ActorStage() {
  watcher_ = nullptr;
  close();
}

std::size_t ActorStage::close() {
  if (company_) {
    caf::anon_send_exit(company_, caf::exit_reason::user_shutdown);
    company_ = nullptr;
  }
  run();
  return system_->registry().running();
}

RequestId ActorStage::submit(GenerateRequest request) {
  auto heard = std::make_shared<Heard>();
  const auto id = submit(std::move(request), std::make_shared<RecordingSink>(heard));
  heard_[id] = std::move(heard);
  return id;
}

RequestId ActorStage::submit(GenerateRequest request, std::shared_ptr<EventSink> sink) {
  const RequestId id{++num_requests_};
  caf::anon_send(company_, Submit{id, std::make_shared<const GenerateRequest>(std::move(request)),
                                  std::move(sink), now()});
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
  const auto pick = static_cast<std::ptrdiff_t>(draw_.below(jobs.size()));
  std::rotate(jobs.begin(), jobs.begin() + pick, jobs.end());
  if (watcher_ == nullptr) {
    return scheduler_->try_run_once();
  }
  watcher_->before(cue_of(jobs.front()));
  scheduler_->try_run_once();
  watcher_->after();
  return true;
}

std::int32_t ActorStage::run() {
  std::int32_t num_steps = 0;
  while (step()) {
    ++num_steps;
  }
  return num_steps;
}

void ActorStage::advance(Duration duration) {
  scheduler_->advance_time(duration);
  run();
}

}  // namespace troupe::rehearsal
