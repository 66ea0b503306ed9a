#include "engine/scheduling/sequence.h"

#include "engine/base/check.h"

#include "tests/support/ring_requests.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

using test::counting;
using test::make_request;

const std::vector<TokenId> kEos{0};
constexpr std::int32_t kLimit = 8;

/// Three tokens of prompt, up to eight in all, computed up to its first token.
Sequence prefilled() {
  Sequence sequence(make_request(1, counting(3), 5), kLimit);
  static_cast<void>(sequence.start(SequenceId{1}, kEos));
  sequence.admit(0);
  sequence.advance(GrantedRow{SequenceId{1}, 0, 3, true});
  return sequence;
}

SampledToken token_at(std::int32_t position, TokenId token) {
  return SampledToken{SequenceId{1}, position, token, {}, {}};
}

TEST_CASE("a decode is computable before its token is known, because a step in flight samples it") {
  auto sequence = prefilled();

  CHECK(sequence.num_known() == 3);
  CHECK(sequence.num_assumed() == 4);
  CHECK(sequence.num_computable() == 1);
  CHECK(sequence.decoding());
  CHECK_FALSE(sequence.settled());
}

TEST_CASE("the last token is sampled and its own position never computed") {
  auto sequence = prefilled();
  for (std::int32_t position = 3; position < kLimit - 1; ++position) {
    CHECK(sequence.num_computable() == 1);
    sequence.advance(GrantedRow{SequenceId{1}, position, position + 1, true});
  }

  CHECK(sequence.computed() == sequence.max_computed());
  CHECK(sequence.num_computable() == 0);
}

TEST_CASE("a sequence ends by length with its last token") {
  auto sequence = prefilled();
  for (std::int32_t position = 3; position < kLimit; ++position) {
    const auto last = position + 1 == kLimit;
    if (!last) {
      sequence.advance(GrantedRow{SequenceId{1}, position, position + 1, true});
    }
    const auto tokens = sequence.take(token_at(position, 7), kEos);
    CHECK(tokens.position == position);
    CHECK(tokens.finished.has_value() == last);
    CHECK_FALSE(tokens.stopped_by_token);
  }
}

TEST_CASE("an end token ends a sequence, and is told apart from its text") {
  auto sequence = prefilled();

  const auto tokens = sequence.take(token_at(3, 0), kEos);

  CHECK(tokens.finished == FinishReason::stop);
  CHECK(tokens.stopped_by_token);
}

TEST_CASE("an end token at the last position is a stop, not a length") {
  Sequence sequence(make_request(1, counting(3), 1), 4);
  sequence.admit(0);
  sequence.advance(GrantedRow{SequenceId{1}, 0, 3, true});

  CHECK(sequence.take(token_at(3, 0), kEos).finished == FinishReason::stop);
}

TEST_CASE("an end token is ignored on request, a stop token of the request's own is not") {
  auto request = make_request(1, counting(3), 5);
  request.sampling.ignore_eos = true;
  request.sampling.stop_token_ids = {42};
  Sequence sequence(request, kLimit);
  sequence.admit(0);
  sequence.advance(GrantedRow{SequenceId{1}, 0, 3, true});
  CHECK_FALSE(sequence.take(token_at(3, 0), kEos).finished);
  sequence.advance(GrantedRow{SequenceId{1}, 3, 4, true});

  CHECK(sequence.take(token_at(4, 42), kEos).finished == FinishReason::stop);
}

TEST_CASE("no token stops a sequence before its minimum is generated") {
  auto request = make_request(1, counting(3), 5);
  request.sampling.min_tokens = 2;
  Sequence sequence(request, kLimit);
  sequence.admit(0);
  sequence.advance(GrantedRow{SequenceId{1}, 0, 3, true});
  CHECK_FALSE(sequence.take(token_at(3, 0), kEos).finished);
  sequence.advance(GrantedRow{SequenceId{1}, 3, 4, true});
  CHECK_FALSE(sequence.take(token_at(4, 0), kEos).finished);
  sequence.advance(GrantedRow{SequenceId{1}, 4, 5, true});

  CHECK(sequence.take(token_at(5, 0), kEos).finished == FinishReason::stop);
}

TEST_CASE("a preempted sequence starts again with all of its tokens, under a new name") {
  auto sequence = prefilled();
  sequence.preempt();
  CHECK_THROWS_AS(static_cast<void>(sequence.start(SequenceId{2}, kEos)), InvariantViolation);
  static_cast<void>(sequence.take(token_at(3, 7), kEos));

  const auto start = sequence.start(SequenceId{2}, kEos);

  CHECK(start->sequence == SequenceId{2});
  CHECK(start->tokens == std::vector<TokenId>{100, 101, 102, 7});
  CHECK(start->num_prompt_tokens == 3);
  CHECK(sequence.start(SequenceId{3}, kEos) == start);
  CHECK(sequence.num_preemptions() == 1);
}

TEST_CASE("the cached tokens that a client hears of are those of the first admission") {
  Sequence sequence(make_request(1, counting(6), 5), 11);
  sequence.admit(4);
  sequence.preempt();
  sequence.admit(0);
  sequence.advance(GrantedRow{SequenceId{1}, 0, 6, true});

  const auto tokens = sequence.take(token_at(6, 7), kEos);

  CHECK(tokens.num_cached_tokens == 4);
  CHECK(tokens.num_preemptions == 1);
}

TEST_CASE("a token at another position than the next, or a row out of turn, is a bug") {
  auto sequence = prefilled();

  CHECK_THROWS_AS(static_cast<void>(sequence.take(token_at(4, 7), kEos)), InvariantViolation);
  CHECK_THROWS_AS(sequence.advance(GrantedRow{SequenceId{1}, 4, 5, true}), InvariantViolation);
  CHECK_THROWS_AS(sequence.advance(GrantedRow{SequenceId{1}, 3, 5, true}), InvariantViolation);
  CHECK_THROWS_AS(Sequence(make_request(1, {}, 5), 5), InvariantViolation);
  CHECK_THROWS_AS(Sequence(make_request(1, counting(5), 0), 5), InvariantViolation);
}

}  // namespace
}  // namespace troupe
