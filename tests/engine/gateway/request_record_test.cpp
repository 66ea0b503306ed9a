// What a client hears of its tokens: text that is safe to show, the right end, and never anything
// of an attempt that is over.
#include "engine/gateway/request_record.h"

#include "engine/text/tokenizer.h"

#include <doctest/doctest.h>

#include <bit>
#include <filesystem>
#include <string>

namespace troupe {
namespace {

const ModelCard kModel{.name = "m", .max_model_len = 100, .vocab_size = 2000};

std::shared_ptr<const Tokenizer> tokenizer() {
  static const auto loaded =
      Tokenizer::load(std::filesystem::path(TROUPE_SOURCE_DIR) /
                      "tests/data/golden/tokenizers/byte-level-qwen" / "tokenizer.json");
  REQUIRE(loaded);
  return *loaded;
}

std::vector<TokenId> tokens_of(const std::string& text) {
  return *tokenizer()->encode(text, {AddSpecialTokens::no, SpecialText::is_plain});
}

SamplingParams sampling() {
  SamplingParams params;
  params.seed = 1;
  return params;
}

TimePoint at(int milliseconds) {
  return TimePoint(std::chrono::milliseconds(milliseconds));
}

GenerateRequest asked(SamplingParams params) {
  GenerateRequest request;
  request.sampling = std::move(params);
  return request;
}

// A record whose prompt is three tokens, at its first attempt.
RequestRecord started(SamplingParams params) {
  RequestRecord record(RequestId{1}, asked(std::move(params)), tokenizer(), at(0));
  REQUIRE(record.begin({1, 2, 3}, kModel));
  CHECK(record.next_attempt().attempt == AttemptNumber{1});
  return record;
}

RequestTokens token(const RequestRecord& record, std::int32_t position, TokenId id) {
  RequestTokens step;
  step.request = RequestId{1};
  step.attempt = record.attempt();
  step.position = position;
  step.token = id;
  return step;
}

struct Heard {
  std::string text;
  std::vector<TokenId> tokens;
  std::optional<Finished> end;
  bool cancels = false;
};

// Lets the engine say `text`, ending by length with its last token.
Heard say(RequestRecord& record, const std::string& text) {
  Heard heard;
  const auto tokens = tokens_of(text);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    auto step = token(record, static_cast<std::int32_t>(3 + i), tokens[i]);
    if (i + 1 == tokens.size()) {
      step.finished = FinishReason::length;
    }
    const auto progress = record.take(step, at(10));
    heard.cancels = heard.cancels || progress.cancel_attempt;
    for (const auto& event : progress.events) {
      if (const auto* delta = std::get_if<Delta>(&event)) {
        heard.text += delta->text;
        heard.tokens.insert(heard.tokens.end(), delta->tokens.begin(), delta->tokens.end());
      } else if (const auto* finished = std::get_if<Finished>(&event)) {
        CHECK_FALSE(heard.end);
        heard.end = *finished;
      }
    }
  }
  return heard;
}

}  // namespace

TEST_CASE("a client hears all text and all tokens, and the end with its figures") {
  auto record = started(sampling());

  const auto heard = say(record, "Grüße, 世界!");

  CHECK(heard.text == "Grüße, 世界!");
  CHECK(heard.tokens == tokens_of("Grüße, 世界!"));
  REQUIRE(heard.end);
  CHECK(heard.end->reason == FinishReason::length);
  CHECK(heard.end->usage.num_prompt_tokens == 3);
  CHECK(heard.end->usage.num_output_tokens == static_cast<std::int32_t>(heard.tokens.size()));
  CHECK(heard.end->timing.first_token == std::chrono::milliseconds(10));
  CHECK_FALSE(heard.cancels);
}

TEST_CASE("a stop string ends the text before it and stops the engine") {
  auto params = sampling();
  params.stop = {"END"};
  auto record = started(params);

  const auto heard = say(record, "one two END three");

  CHECK(heard.text == "one two ");
  REQUIRE(heard.end);
  CHECK(heard.end->reason == FinishReason::stop);
  CHECK(std::get<std::string>(heard.end->stop_reason) == "END");
  CHECK(heard.cancels);
}

TEST_CASE("no stop string stops before min_tokens were generated") {
  auto params = sampling();
  params.stop = {"a"};
  params.min_tokens = 1000;
  params.max_tokens = std::nullopt;
  auto record = started(params);

  CHECK(say(record, "banana").text == "banana");
}

TEST_CASE("a token of another attempt, of another position or after the end changes nothing") {
  auto record = started(sampling());
  const auto id = tokens_of("a").front();
  auto late = token(record, 3, id);
  REQUIRE(record.take(late, at(1)).events.size() == 1);

  CHECK(record.take(late, at(2)).events.empty());
  CHECK(record.take(token(record, 5, id), at(2)).events.empty());
  const auto second = record.next_attempt();
  late.position = 4;
  CHECK(record.take(late, at(3)).events.empty());
  auto last = token(record, 4, id);
  last.finished = FinishReason::length;
  CHECK(record.take(last, at(4)).ended);
  CHECK(record.take(token(record, 5, id), at(5)).events.empty());

  CHECK(second.tokens == std::vector<TokenId>{1, 2, 3, id});
  CHECK(second.num_prompt_tokens == 3);
  CHECK(record.usage().num_output_tokens == 2);
}

TEST_CASE("a request is accepted once, however often it is enqueued") {
  auto record = started(sampling());

  CHECK(record.taken(AttemptNumber{1}));
  CHECK_FALSE(record.taken(AttemptNumber{1}));
  CHECK(record.next_attempt().attempt == AttemptNumber{2});
  CHECK_FALSE(record.taken(AttemptNumber{2}));
}

TEST_CASE("an end-of-sequence token is counted and not shown, a stop token is named") {
  auto params = sampling();
  params.stop_token_ids = {42};
  auto record = started(params);
  auto step = token(record, 3, 42);
  step.finished = FinishReason::stop;
  step.stopped_by_token = true;

  const auto progress = record.take(step, at(1));

  REQUIRE(progress.events.size() == 1);
  const auto& end = std::get<Finished>(progress.events.front());
  CHECK(std::get<TokenId>(end.stop_reason) == 42);
  CHECK(end.usage.num_output_tokens == 1);
}

TEST_CASE("log-probabilities come with their tokens, bit for bit") {
  auto params = sampling();
  params.logprobs = 1;
  auto record = started(params);
  const auto id = tokens_of("a").front();
  auto step = token(record, 3, id);
  step.logprob = LogprobBits{id, std::bit_cast<std::uint32_t>(-0.5F)};
  step.top_logprobs = {*step.logprob};

  const auto progress = record.take(step, at(1));

  const auto& delta = std::get<Delta>(progress.events.front());
  REQUIRE(delta.logprobs.size() == 1);
  CHECK(delta.logprobs[0].sampled.logprob == -0.5F);
  CHECK(delta.logprobs[0].sampled.bytes == "a");
  CHECK(delta.logprobs[0].top.size() == 1);
}

TEST_CASE("a prompt that leaves no room for its output is refused with the three numbers") {
  auto params = sampling();
  params.max_tokens = 99;
  RequestRecord record(RequestId{1}, asked(params), tokenizer(), at(0));

  const auto refused = record.begin({1, 2}, kModel);

  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::context_length_exceeded);
  CHECK(refused.error().message.find("99") != std::string::npos);
}

TEST_CASE("an attempt bears the terms of its request, and its deadline as a time") {
  auto request = asked(sampling());
  request.priority = 7;
  request.deadline = std::chrono::milliseconds(30);
  request.tenant = "t";
  request.cache_salt = "s";
  RequestRecord record(RequestId{1}, request, tokenizer(), at(12));
  REQUIRE(record.begin({1}, kModel));

  const auto attempt = record.next_attempt();

  CHECK(attempt.priority == 7);
  CHECK(attempt.deadline == at(42));
  CHECK(attempt.tenant == "t");
  CHECK(attempt.cache_salt == "s");
  CHECK_FALSE(started(sampling()).next_attempt().deadline);
}

TEST_CASE("the account of a request has all that its client heard, and its end") {
  auto params = sampling();
  params.stop = {"END"};
  auto record = started(params);
  CHECK(record.account().model == "m");
  CHECK(record.taken(AttemptNumber{1}));

  const auto heard = say(record, "one two END three");

  const auto account = record.take_account();
  CHECK(account.request == RequestId{1});
  CHECK(account.accepted);
  CHECK(account.output.whole().text == heard.text);
  CHECK(account.output.whole().tokens == heard.tokens);
  CHECK(account.usage.num_output_tokens == heard.end->usage.num_output_tokens);
  CHECK(std::get<Finished>(account.end).reason == FinishReason::stop);
}

TEST_CASE("a request that fails keeps what it had and takes nothing more") {
  auto record = started(sampling());
  const auto ids = tokens_of("ab");
  CHECK_FALSE(record.take(token(record, 3, ids[0]), at(1)).events.empty());

  record.fail_with({ErrorCode::cancelled, "enough", ""});

  CHECK(record.take(token(record, 4, ids[0]), at(2)).events.empty());
  CHECK(std::get<Failed>(record.account().end).error.code == ErrorCode::cancelled);
  CHECK(record.account().output.num_places() == 1);
}

}  // namespace troupe
