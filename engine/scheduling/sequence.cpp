#include "engine/scheduling/sequence.h"

#include "engine/base/check.h"

#include <algorithm>
#include <string>
#include <utility>

namespace troupe {
namespace {

std::string name(RequestId request) {
  return "request " + std::to_string(request.value);
}

}  // namespace

Sequence::Sequence(EnqueuedRequest request, std::int32_t limit)
    : request_(std::move(request)), limit_(limit) {
  TROUPE_CHECK(num_known() > 0 && num_known() < limit_,
               name(request_.request) + " has nothing to generate");
  standing.request = request_.request;
  standing.arrival = request_.arrival;
  standing.priority = request_.priority;
  standing.deadline = request_.deadline;
  standing.num_prompt_tokens = num_known();
  standing.max_tokens = limit_;
  standing.rung_since = request_.arrival;
}

std::shared_ptr<const SequenceStart> Sequence::start(SequenceId id,
                                                     const std::vector<TokenId>& eos_tokens) {
  TROUPE_CHECK(state_ == SequenceState::waiting && settled(),
               name(request_.request) + " cannot be admitted now");
  if (!start_) {
    id_ = id;
    auto start = std::make_shared<SequenceStart>();
    start->sequence = id;
    start->request = request_.request;
    start->tokens = request_.tokens;
    start->num_prompt_tokens = request_.num_prompt_tokens;
    start->sampling = request_.sampling;
    start->eos_tokens = eos_tokens;
    start->cache_salt = request_.cache_salt;
    start_ = std::move(start);
  }
  return start_;
}

void Sequence::admit(std::int32_t num_cached_tokens) {
  state_ = SequenceState::running;
  num_start_tokens_ = num_known();
  computed_ = num_cached_tokens;
  num_passes = 0;
  start_.reset();
  if (!std::exchange(admitted_before_, true)) {
    num_cached_tokens_ = num_cached_tokens;
  }
}

void Sequence::advance(const GrantedRow& row) {
  TROUPE_CHECK(row.begin == computed_ && row.end > row.begin && row.end <= num_assumed(),
               name(request_.request) + " was granted positions out of turn");
  computed_ = row.end;
  num_sampling_ += row.samples ? 1 : 0;
}

void Sequence::preempt() {
  state_ = SequenceState::waiting;
  computed_ = 0;
  ++num_preemptions_;
}

RequestTokens Sequence::take(const SampledToken& sampled, const std::vector<TokenId>& eos_tokens) {
  TROUPE_CHECK(state_ != SequenceState::ended && sampled.position == num_known(),
               name(request_.request) + " got the token of position " +
                   std::to_string(sampled.position) + ", its next is " +
                   std::to_string(num_known()));
  RequestTokens tokens;
  tokens.request = request_.request;
  tokens.attempt = request_.attempt;
  tokens.position = sampled.position;
  tokens.token = sampled.token;
  tokens.num_cached_tokens = num_cached_tokens_;
  tokens.num_preemptions = num_preemptions_;
  tokens.logprob = sampled.logprob;
  tokens.top_logprobs = sampled.top_logprobs;
  tokens.stopped_by_token = stops(sampled.token, eos_tokens);
  request_.tokens.push_back(sampled.token);
  --num_sampling_;
  if (tokens.stopped_by_token) {
    tokens.finished = FinishReason::stop;
  } else if (num_known() == limit_) {
    tokens.finished = FinishReason::length;
  }
  return tokens;
}

// Called with the token not yet among the known ones.
bool Sequence::stops(TokenId token, const std::vector<TokenId>& eos_tokens) const {
  const auto& sampling = request_.sampling;
  if (num_known() - request_.num_prompt_tokens < sampling.min_tokens) {
    return false;
  }
  const auto is_eos =
      !sampling.ignore_eos && std::ranges::find(eos_tokens, token) != eos_tokens.end();
  return is_eos ||
         std::ranges::find(sampling.stop_token_ids, token) != sampling.stop_token_ids.end();
}

}  // namespace troupe
