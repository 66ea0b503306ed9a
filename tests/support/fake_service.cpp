#include "tests/support/fake_service.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace troupe::testing {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);
constexpr std::int32_t kPromptTokens = 3;

std::string text_of(const Prompt& prompt) {
  if (const auto* text = std::get_if<TextPrompt>(&prompt)) {
    return text->text;
  }
  std::string joined;
  if (const auto* chat = std::get_if<ChatPrompt>(&prompt)) {
    for (const auto& message : chat->messages) {
      joined += message.content;
    }
  }
  return joined;
}

}  // namespace

Delta delta(std::string text) {
  Delta made;
  made.text = std::move(text);
  made.tokens = {7};
  return made;
}

Finished finished(std::int32_t num_prompt_tokens, std::int32_t num_output_tokens) {
  Finished made;
  made.usage = {num_prompt_tokens, 1, num_output_tokens};
  made.timing.first_token = std::chrono::milliseconds(10);
  made.timing.last_token = std::chrono::milliseconds(30);
  return made;
}

Script default_script() {
  return {{delta("Hello"), delta(" world"), finished(kPromptTokens, 2)}};
}

FakeService::FakeService(Manner manner) : manner_(manner), script_(default_script()) {
  model_ = {"tiny", 128, 256};
  EngineStatus engine;
  engine.health = EngineHealth::healthy;
  engine.num_total_blocks = 8;
  engine.num_free_blocks = 8;
  status_.engines = {engine};
}

void FakeService::set_script(Script script) {
  const std::scoped_lock lock(mutex_);
  script_ = std::move(script);
}

void FakeService::set_status(ServiceStatus status) {
  const std::scoped_lock lock(mutex_);
  status_ = std::move(status);
}

void FakeService::refuse_with(Error error) {
  const std::scoped_lock lock(mutex_);
  refusal_ = std::move(error);
}

bool FakeService::wait_for_requests(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return entries_.size() >= count; });
}

bool FakeService::wait_for_cancel(std::size_t index) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience,
                           [&] { return index < entries_.size() && entries_[index].cancelled; });
}

bool FakeService::wait_for_attached(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return num_attached_ >= count; });
}

void FakeService::forget(std::size_t index) {
  const std::scoped_lock lock(mutex_);
  entries_.at(index).forgotten = true;
}

std::size_t FakeService::num_requests() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size();
}

std::size_t FakeService::num_cancelled() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(entries_, &Entry::cancelled));
}

GenerateRequest FakeService::request(std::size_t index) const {
  const std::scoped_lock lock(mutex_);
  return entries_.at(index).request;
}

// Sinks hand on and return, so that they may be called under the lock.
void FakeService::tell(Entry& entry, Event event) {
  auto& account = entry.account;
  if (account.has_ended()) {
    return;
  }
  bool last = true;
  if (const auto* accepted = std::get_if<Accepted>(&event)) {
    account.accepted = true;
    account.usage.num_prompt_tokens = accepted->num_prompt_tokens;
    last = false;
  } else if (const auto* said = std::get_if<Delta>(&event)) {
    account.output.append(*said);
    account.usage.num_output_tokens += static_cast<std::int32_t>(said->tokens.size());
    last = false;
  } else if (const auto* finished = std::get_if<Finished>(&event)) {
    account.end = *finished;
    account.usage = finished->usage;
  } else {
    account.end = std::get<Failed>(event);
  }
  const auto sink = last ? std::exchange(entry.sink, nullptr) : entry.sink;
  sink->deliver(std::move(event));
}

void FakeService::deliver(std::size_t index, Event event) {
  const std::scoped_lock lock(mutex_);
  tell(entries_.at(index), std::move(event));
}

void FakeService::say(std::size_t index, std::string text) {
  deliver(index, delta(std::move(text)));
}

void FakeService::finish(std::size_t index) {
  std::int32_t num_output_tokens = 0;
  {
    const std::scoped_lock lock(mutex_);
    num_output_tokens = entries_.at(index).account.usage.num_output_tokens;
  }
  deliver(index, finished(kPromptTokens, num_output_tokens));
}

Result<RequestId> FakeService::submit(GenerateRequest request, std::shared_ptr<EventSink> sink) {
  if (auto checked = validate(request, model_); !checked) {
    return pass(std::move(checked));
  }
  std::size_t index = 0;
  Script script;
  {
    const std::scoped_lock lock(mutex_);
    if (refusal_) {
      return fail(refusal_->code, refusal_->message, refusal_->param);
    }
    index = entries_.size();
    entries_.push_back({std::move(request), std::move(sink), {}, false, false});
    script = script_;
  }
  changed_.notify_all();
  if (manner_ == Manner::answers) {
    deliver(index, Accepted{kPromptTokens});
    for (auto& event : script.events) {
      deliver(index, std::move(event));
    }
  }
  return RequestId{index + 1};
}

void FakeService::cancel(RequestId request) {
  {
    const std::scoped_lock lock(mutex_);
    entries_.at(request.value - 1).cancelled = true;
  }
  changed_.notify_all();
  deliver(request.value - 1, Failed{{ErrorCode::cancelled, "the client asked for it", {}}});
}

void FakeService::fetch(RequestId request, std::function<void(Result<RequestSnapshot>)> done) {
  if (manner_ == Manner::silent) {
    return;
  }
  const std::scoped_lock lock(mutex_);
  const auto& entry = entries_.at(request.value - 1);
  if (entry.forgotten) {
    done(fail(ErrorCode::not_found, "kept no longer", "id"));
  } else {
    done(snapshot_of(entry.account));
  }
}

void FakeService::attach(RequestId request,
                         std::int32_t num_places,
                         std::shared_ptr<EventSink> sink) {
  {
    const std::scoped_lock lock(mutex_);
    ++num_attached_;
    auto& entry = entries_.at(request.value - 1);
    auto events = replay(entry.account, num_places);
    if (entry.forgotten) {
      sink->deliver(Failed{{ErrorCode::not_found, "kept no longer", "id"}});
    } else if (!events) {
      sink->deliver(Failed{events.error()});
    } else {
      if (entry.sink) {
        entry.sink->deliver(Failed{{ErrorCode::cancelled, "taken up elsewhere", {}}});
        entry.sink = sink;
      }
      for (auto& event : *events) {
        sink->deliver(std::move(event));
      }
    }
  }
  changed_.notify_all();
}

void FakeService::tokenize(Prompt prompt, std::function<void(Result<std::vector<TokenId>>)> done) {
  if (manner_ == Manner::silent) {
    return;
  }
  if (const auto* tokens = std::get_if<TokenPrompt>(&prompt)) {
    done(tokens->tokens);
    return;
  }
  std::vector<TokenId> tokens;
  for (const char byte : text_of(prompt)) {
    tokens.push_back(static_cast<unsigned char>(byte));
  }
  done(std::move(tokens));
}

void FakeService::detokenize(std::vector<TokenId> tokens,
                             std::function<void(Result<std::string>)> done) {
  if (manner_ == Manner::silent) {
    return;
  }
  std::string text;
  for (const auto token : tokens) {
    text += static_cast<char>(token);
  }
  done(std::move(text));
}

void FakeService::status(std::function<void(ServiceStatus)> done) {
  if (manner_ == Manner::silent) {
    return;
  }
  ServiceStatus copy;
  {
    const std::scoped_lock lock(mutex_);
    copy = status_;
  }
  done(std::move(copy));
}

void FakeService::metrics(std::function<void(std::string)> done) {
  if (manner_ != Manner::silent) {
    done("# TYPE troupe:fake gauge\ntroupe:fake 1\n");
  }
}

}  // namespace troupe::testing
