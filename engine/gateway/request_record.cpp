#include "engine/gateway/request_record.h"

#include "engine/base/check.h"
#include "engine/text/detokenizer.h"
#include "engine/text/stop_matcher.h"
#include "engine/text/tokenizer.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

namespace troupe {

struct RequestRecord::State {
  State(const GenerateRequest& asked,
        std::shared_ptr<const Tokenizer> shared_tokenizer,
        TimePoint arrived)
      : sampling(asked.sampling),
        priority(asked.priority),
        tenant(asked.tenant),
        cache_salt(asked.cache_salt),
        tokenizer(std::move(shared_tokenizer)),
        arrival(arrived),
        detokenizer(tokenizer,
                    sampling.skip_special_tokens ? SpecialTokens::skip : SpecialTokens::keep),
        stop_matcher(
            sampling.stop,
            sampling.include_stop_str_in_output ? StopText::include : StopText::leave_out) {
    if (asked.deadline) {
      deadline = arrival + *asked.deadline;
    }
  }

  SamplingParams sampling;
  std::int32_t priority;
  std::optional<TimePoint> deadline;
  std::string tenant;
  std::string cache_salt;
  std::shared_ptr<const Tokenizer> tokenizer;
  TimePoint arrival;
  Detokenizer detokenizer;
  StopMatcher stop_matcher;

  RequestAccount account;
  std::vector<TokenId> tokens;  // the prompt, then what was generated
  std::int32_t num_prompt_tokens = 0;
  std::int32_t num_cached_tokens = 0;
  std::int32_t max_output_tokens = 0;
  AttemptNumber attempt;
  bool ended = false;
  Delta pending;                         // tokens whose text is still held back
  std::int32_t preemptions_before = 0;   // of earlier attempts
  std::int32_t preemptions_current = 0;  // of this one

  [[nodiscard]] std::int32_t num_generated() const {
    return static_cast<std::int32_t>(tokens.size()) - num_prompt_tokens;
  }

  [[nodiscard]] Usage usage() const {
    return Usage{num_prompt_tokens, num_cached_tokens, num_generated()};
  }

  void update_account() {
    account.usage = usage();
    account.timing.num_preemptions = preemptions_before + preemptions_current;
    account.timing.num_restarts = std::max(static_cast<std::int32_t>(attempt.value) - 1, 0);
  }

  [[nodiscard]] TokenLogprob describe(const LogprobBits& logprob) const {
    return TokenLogprob{logprob.token, std::bit_cast<float>(logprob.bits),
                        std::string(tokenizer->token_bytes(logprob.token))};
  }

  void append(const RequestTokens& step) {
    pending.tokens.push_back(step.token);
    if (step.logprob) {
      PositionLogprobs position{describe(*step.logprob), {}};
      for (const auto& top : step.top_logprobs) {
        position.top.push_back(describe(top));
      }
      pending.logprobs.push_back(std::move(position));
    }
  }

  // Lets text through the stop matcher; before min_tokens nothing can stop.
  std::optional<std::string> show(const std::string& text) {
    if (sampling.stop.empty() || num_generated() < sampling.min_tokens) {
      pending.text += text;
      return std::nullopt;
    }
    auto matched = stop_matcher.push(text);
    pending.text += matched.safe_text;
    return std::move(matched.matched);
  }

  void hand_out(std::vector<Event>& events) {
    if (!pending.text.empty() || (ended && !pending.tokens.empty())) {
      account.output.append(pending);
      events.emplace_back(std::exchange(pending, Delta{}));
    }
  }

  void finish(Progress& progress,
              FinishReason reason,
              std::variant<std::monostate, TokenId, std::string> stop_reason) {
    ended = true;
    progress.ended = true;
    hand_out(progress.events);
    const Finished finished{reason, std::move(stop_reason), account.usage, account.timing};
    account.end = finished;
    progress.events.emplace_back(finished);
  }
};

RequestRecord::RequestRecord(RequestId id,
                             const GenerateRequest& request,
                             std::shared_ptr<const Tokenizer> tokenizer,
                             TimePoint arrival)
    : state_(std::make_unique<State>(request, std::move(tokenizer), arrival)) {
  TROUPE_CHECK(state_->sampling.seed.has_value(), "a request's record needs a seed");
  state_->account.request = id;
  state_->account.model = request.model;
}

RequestRecord::~RequestRecord() = default;
RequestRecord::RequestRecord(RequestRecord&&) noexcept = default;
RequestRecord& RequestRecord::operator=(RequestRecord&&) noexcept = default;

Result<void> RequestRecord::begin(std::vector<TokenId> prompt, const ModelCard& model) {
  auto budget = output_budget(prompt.size(), state_->sampling, model);
  if (!budget) {
    return pass(std::move(budget));
  }
  state_->max_output_tokens = *budget;
  state_->num_prompt_tokens = static_cast<std::int32_t>(prompt.size());
  state_->tokens = std::move(prompt);
  state_->account.model = model.name;
  state_->update_account();
  return {};
}

EnqueuedRequest RequestRecord::next_attempt() {
  TROUPE_CHECK(state_->num_prompt_tokens > 0, "a request was enqueued before its prompt was known");
  ++state_->attempt.value;
  state_->preemptions_before += std::exchange(state_->preemptions_current, 0);
  state_->update_account();
  return EnqueuedRequest{.request = state_->account.request,
                         .attempt = state_->attempt,
                         .tokens = state_->tokens,
                         .num_prompt_tokens = state_->num_prompt_tokens,
                         .max_output_tokens = state_->max_output_tokens,
                         .sampling = state_->sampling,
                         .arrival = state_->arrival,
                         .priority = state_->priority,
                         .deadline = state_->deadline,
                         .tenant = state_->tenant,
                         .cache_salt = state_->cache_salt};
}

std::optional<Event> RequestRecord::taken(AttemptNumber attempt) {
  if (attempt != state_->attempt || std::exchange(state_->account.accepted, true)) {
    return std::nullopt;
  }
  return Accepted{state_->num_prompt_tokens};
}

RequestRecord::Progress RequestRecord::take(const RequestTokens& step, TimePoint now) {
  auto& state = *state_;
  Progress progress;
  const auto next_position = static_cast<std::int32_t>(state.tokens.size());
  if (state.ended || step.attempt != state.attempt || step.position != next_position) {
    return progress;
  }
  if (state.num_generated() == 0) {
    state.account.timing.first_token = now - state.arrival;
    state.num_cached_tokens = std::min(step.num_cached_tokens, state.num_prompt_tokens);
  }
  state.account.timing.last_token = now - state.arrival;
  state.preemptions_current = step.num_preemptions;
  state.tokens.push_back(step.token);
  state.update_account();
  std::optional<std::string> matched;
  if (!step.stopped_by_token) {
    state.append(step);
    matched = state.show(state.detokenizer.push(step.token));
  }
  if (!matched && step.finished) {
    matched = state.show(state.detokenizer.flush());
    if (!matched) {
      state.pending.text += state.stop_matcher.flush();
    }
  }
  if (matched) {
    progress.cancel_attempt = !step.finished;
    state.finish(progress, FinishReason::stop, std::move(*matched));
  } else if (step.finished) {
    const auto& stops = state.sampling.stop_token_ids;
    const bool asked_for =
        step.stopped_by_token && std::ranges::find(stops, step.token) != stops.end();
    if (asked_for) {
      state.finish(progress, *step.finished, step.token);
    } else {
      state.finish(progress, *step.finished, {});
    }
  } else {
    state.hand_out(progress.events);
  }
  return progress;
}

void RequestRecord::fail_with(Error error) {
  state_->ended = true;
  state_->account.end = Failed{std::move(error)};
}

const RequestAccount& RequestRecord::account() const {
  return state_->account;
}

RequestAccount RequestRecord::take_account() {
  return std::move(state_->account);
}

AttemptNumber RequestRecord::attempt() const {
  return state_->attempt;
}

Usage RequestRecord::usage() const {
  return state_->account.usage;
}

const SamplingParams& RequestRecord::sampling() const {
  return state_->sampling;
}

}  // namespace troupe
