#include "actors/troupe.h"

#include "actors/caf_compat.h"
#include "actors/caf_door.h"
#include "actors/company_actor.h"
#include "actors/messages.h"
#include "engine/base/check.h"

#include <atomic>
#include <utility>

namespace troupe {
namespace {

struct System {
  System() {
    configure(config);
    system.emplace(config);
  }

  caf::actor_system_config config;
  std::optional<caf::actor_system> system;
};

struct EventArrived {
  std::shared_ptr<const Event> event;
};

// Hands events to the mailbox of whoever pulls them.
class MailboxSink : public EventSink {
 public:
  explicit MailboxSink(caf::actor mailbox) : mailbox_(std::move(mailbox)) {}

  void deliver(Event event) noexcept override {
    caf::anon_send(mailbox_, EventArrived{std::make_shared<const Event>(std::move(event))});
  }

 private:
  caf::actor mailbox_;
};

class CallbackSink : public EventSink {
 public:
  explicit CallbackSink(std::function<void(const Event&)> callback)
      : callback_(std::move(callback)) {}

  void deliver(Event event) noexcept override { callback_(event); }

 private:
  std::function<void(const Event&)> callback_;
};

bool is_end(const Event& event) {
  return std::holds_alternative<Finished>(event) || std::holds_alternative<Failed>(event);
}

TimePoint now() {
  return std::chrono::steady_clock::now();
}

}  // namespace
}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::EventArrived)

namespace troupe {

struct Troupe::State {
  std::shared_ptr<System> system;
  caf::actor company;
  ModelCard model;
  std::atomic<std::uint64_t> num_requests{0};  // the door may be used from any thread
};

struct Generation::State {
  State(std::shared_ptr<System> house, caf::actor door)
      : system(std::move(house)), company(std::move(door)), mailbox(*system->system) {}

  std::shared_ptr<System> system;  // outlives the mailbox
  caf::actor company;
  caf::scoped_actor mailbox;
  RequestId request;
  bool ended = false;
};

Generation::Generation(std::unique_ptr<State> state) : state_(std::move(state)) {}

Generation::Generation(Generation&&) noexcept = default;
Generation& Generation::operator=(Generation&&) noexcept = default;

Generation::~Generation() {
  if (state_ && !state_->ended) {
    caf::anon_send(state_->company, CancelRequest{state_->request});
  }
}

std::optional<Event> Generation::next() {
  if (state_->ended) {
    return std::nullopt;
  }
  std::optional<Event> event;
  state_->mailbox->receive([&](const EventArrived& arrived) { event = *arrived.event; });
  TROUPE_CHECK(event.has_value(), "a generation's mailbox received something else than an event");
  state_->ended = is_end(*event);
  return event;
}

Result<Completion> Generation::wait() {
  Completion completion;
  while (auto event = next()) {
    if (auto* delta = std::get_if<Delta>(&*event)) {
      completion.text += delta->text;
      completion.tokens.insert(completion.tokens.end(), delta->tokens.begin(), delta->tokens.end());
    } else if (auto* finished = std::get_if<Finished>(&*event)) {
      completion.end = std::move(*finished);
    } else if (auto* failed = std::get_if<Failed>(&*event)) {
      return tl::unexpected<Error>(std::move(failed->error));
    }
  }
  return completion;
}

RequestId Generation::request() const {
  return state_->request;
}

Troupe::Troupe(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Troupe>> Troupe::start(CompanyParts parts) {
  if (parts.num_engines < 1 || !parts.backend || !parts.tokenizer || !parts.encoder) {
    return fail(ErrorCode::invalid_value,
                "a company needs at least one engine, a backend, a tokenizer and an encoder");
  }
  auto state = std::make_unique<State>();
  state->model = parts.model;
  state->system = std::make_shared<System>();
  state->company = spawn_company(*state->system->system, std::move(parts));
  Result<void> outcome;
  {
    // Gone before the system can be: a system waits for all its actors.
    caf::scoped_actor self(*state->system->system);
    self->request(state->company, caf::infinite, WaitUntilReady{})
        .receive([&](const Ready& ready) { outcome = ready.outcome; },
                 [&](const caf::error&) {
                   outcome = fail(ErrorCode::internal, "the company ended while it started");
                 });
  }
  auto troupe = std::unique_ptr<Troupe>(new Troupe(std::move(state)));
  if (!outcome) {
    return pass(std::move(outcome));
  }
  return troupe;
}

Troupe::~Troupe() {
  caf::anon_send_exit(state_->company, caf::exit_reason::user_shutdown);
  state_->company = nullptr;
}

const ModelCard& Troupe::model() const {
  return state_->model;
}

Result<RequestId> Troupe::submit(GenerateRequest request, std::shared_ptr<EventSink> sink) {
  if (auto valid = validate(request, state_->model); !valid) {
    return pass(std::move(valid));
  }
  const RequestId id{++state_->num_requests};
  caf::anon_send(state_->company,
                 Submit{id, std::make_shared<const GenerateRequest>(std::move(request)),
                        std::move(sink), now()});
  return id;
}

Result<Generation> Troupe::generate(GenerateRequest request) {
  auto state = std::make_unique<Generation::State>(state_->system, state_->company);
  auto mailbox = caf::actor_cast<caf::actor>(state->mailbox.address());
  auto submitted = submit(std::move(request), std::make_shared<MailboxSink>(std::move(mailbox)));
  if (!submitted) {
    state->ended = true;
    return pass(std::move(submitted));
  }
  state->request = *submitted;
  return Generation(std::move(state));
}

Result<RequestId> Troupe::generate(GenerateRequest request,
                                   std::function<void(const Event&)> callback) {
  return submit(std::move(request), std::make_shared<CallbackSink>(std::move(callback)));
}

void Troupe::cancel(RequestId request) {
  caf::anon_send(state_->company, CancelRequest{request});
}

void Troupe::fetch(RequestId request, std::function<void(Result<RequestSnapshot>)> done) {
  caf::anon_send(state_->company, FetchRequest{request, std::move(done)});
}

void Troupe::attach(RequestId request, std::int32_t num_places, std::shared_ptr<EventSink> sink) {
  caf::anon_send(state_->company, AttachSink{request, num_places, std::move(sink)});
}

std::int32_t Troupe::drain(Duration patience) {
  std::int32_t num_left = 0;
  caf::scoped_actor self(*state_->system->system);
  self->request(state_->company, caf::infinite, Drain{patience})
      .receive([&](const Drained& drained) { num_left = drained.num_left; },
               [](const caf::error&) {
                 // The company has ended, and nobody is left.
               });
  return num_left;
}

void Troupe::tokenize(Prompt prompt, std::function<void(Result<std::vector<TokenId>>)> done) {
  caf::anon_send(state_->company, Tokenize{std::move(prompt), std::move(done)});
}

void Troupe::detokenize(std::vector<TokenId> tokens,
                        std::function<void(Result<std::string>)> done) {
  caf::anon_send(state_->company, Detokenize{std::move(tokens), std::move(done)});
}

void Troupe::status(std::function<void(ServiceStatus)> done) {
  caf::anon_send(state_->company, AskStatus{std::move(done)});
}

void Troupe::metrics(std::function<void(std::string)> done) {
  caf::anon_send(state_->company, AskMetrics{std::move(done)});
}

}  // namespace troupe
