// What crosses an engine's border comes out as it went in, whatever numbers it holds.
#include "actors/wire.h"

#include "actors/caf_door.h"
#include "actors/messages.h"

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <vector>

namespace troupe {
namespace {

struct Wire {
  Wire() {
    configure(config);
    system.emplace(config);
  }

  template <class T>
  T there_and_back(T value) {
    std::vector<char> bytes;
    caf::binary_serializer sink(*system, bytes);
    REQUIRE_FALSE(sink(value));
    T back{};
    caf::binary_deserializer source(*system, bytes);
    REQUIRE_FALSE(source(back));
    CHECK(source.remaining() == 0);
    return back;
  }

  caf::actor_system_config config;
  std::optional<caf::actor_system> system;
};

float any_float(std::mt19937& random) {
  // All bit patterns but NaN, which is not equal to itself: infinities and denormals included.
  for (;;) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (value == value) {
      return value;
    }
  }
}

SamplingParams any_sampling(std::mt19937& random) {
  SamplingParams sampling;
  sampling.temperature = any_float(random);
  sampling.top_p = std::numeric_limits<float>::infinity();
  sampling.min_p = std::numeric_limits<float>::denorm_min();
  sampling.presence_penalty = any_float(random);
  sampling.frequency_penalty = any_float(random);
  sampling.repetition_penalty = any_float(random);
  sampling.top_k = static_cast<std::int32_t>(random());
  if (random() % 2 == 0) {
    sampling.seed = (static_cast<std::uint64_t>(random()) << 32U) | random();
  }
  if (random() % 2 == 0) {
    sampling.max_tokens = static_cast<std::int32_t>(random());
  }
  if (random() % 2 == 0) {
    sampling.logprobs = 5;
  }
  sampling.min_tokens = 3;
  sampling.stop = {"a", std::string("\0\xff", 2)};
  sampling.stop_token_ids = {1, 2, 3};
  sampling.logit_bias = {{7, any_float(random)}, {8, -0.0F}};
  sampling.ignore_eos = random() % 2 == 0;
  sampling.include_stop_str_in_output = random() % 2 == 0;
  sampling.skip_special_tokens = random() % 2 == 0;
  return sampling;
}

}  // namespace

TEST_CASE("an attempt crosses the border with every field and every bit of its numbers") {
  Wire wire;
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    EnqueueAttempt sent{EnqueuedRequest{.request = {random()},
                                        .attempt = {4},
                                        .tokens = {1, -2, 3},
                                        .num_prompt_tokens = 2,
                                        .max_output_tokens = 9,
                                        .sampling = any_sampling(random),
                                        .arrival = TimePoint(Duration(random()))}};

    const auto back = wire.there_and_back(sent);

    CHECK(back.request.request == sent.request.request);
    CHECK(back.request.attempt == sent.request.attempt);
    CHECK(back.request.tokens == sent.request.tokens);
    CHECK(back.request.num_prompt_tokens == sent.request.num_prompt_tokens);
    CHECK(back.request.max_output_tokens == sent.request.max_output_tokens);
    CHECK(back.request.sampling == sent.request.sampling);
    CHECK(back.request.arrival == sent.request.arrival);
  }
}

TEST_CASE("a step's tokens cross the border with their log-probabilities and their end") {
  Wire wire;
  StepTokens sent;
  sent.load.engine = EngineId{3};
  sent.load.health = EngineHealth::restarting;
  sent.load.num_free_blocks = 11;
  RequestTokens tokens;
  tokens.request = RequestId{5};
  tokens.attempt = AttemptNumber{6};
  tokens.position = 7;
  tokens.token = 8;
  tokens.logprob = LogprobBits{8, 0xff800000U};
  tokens.top_logprobs = {{8, 1}, {9, 2}};
  tokens.finished = FinishReason::length;
  tokens.stopped_by_token = true;
  sent.tokens = {tokens, RequestTokens{}};

  const auto back = wire.there_and_back(sent);

  CHECK(back.load.engine == sent.load.engine);
  CHECK(back.load.health == sent.load.health);
  CHECK(back.load.num_free_blocks == sent.load.num_free_blocks);
  REQUIRE(back.tokens.size() == 2);
  CHECK(back.tokens[0].request == tokens.request);
  CHECK(back.tokens[0].attempt == tokens.attempt);
  CHECK(back.tokens[0].position == tokens.position);
  CHECK(back.tokens[0].token == tokens.token);
  CHECK(back.tokens[0].logprob == tokens.logprob);
  CHECK(back.tokens[0].top_logprobs == tokens.top_logprobs);
  CHECK(back.tokens[0].finished == tokens.finished);
  CHECK(back.tokens[0].stopped_by_token);
  CHECK_FALSE(back.tokens[1].logprob);
  CHECK_FALSE(back.tokens[1].finished);
}

TEST_CASE("refusals, reports and supervision cross the border") {
  Wire wire;

  const auto refused = wire.there_and_back(
      AttemptRefused{RequestId{1}, AttemptNumber{2}, Error{ErrorCode::never_fits, "m", "p"}});
  CHECK(refused.error == Error{ErrorCode::never_fits, "m", "p"});
  CHECK(refused.attempt == AttemptNumber{2});
  const auto down = wire.there_and_back(EngineDown{EngineId{4}, EngineHealth::given_up, 9});
  CHECK(down.engine == EngineId{4});
  CHECK(down.health == EngineHealth::given_up);
  CHECK(down.num_restarts == 9);
  const auto condemned = wire.there_and_back(CondemnRequests{{RequestId{1}, RequestId{2}}});
  CHECK(condemned.requests == std::vector<RequestId>{RequestId{1}, RequestId{2}});
  CHECK(wire.there_and_back(CancelAttempt{RequestId{8}}).request == RequestId{8});
  CHECK(wire.there_and_back(AttemptTaken{RequestId{8}, AttemptNumber{1}}).request == RequestId{8});
  EngineStatus status;
  status.num_running = 2;
  CHECK(wire.there_and_back(LoadReport{status}).load.num_running == 2);
  const auto ready = wire.there_and_back(EngineReady{status, nullptr});
  CHECK(ready.status.num_running == 2);
}

TEST_CASE("half a message is an error and not a guess") {
  Wire wire;
  EnqueueAttempt sent;
  sent.request.tokens = {1, 2, 3};
  std::vector<char> bytes;
  caf::binary_serializer sink(*wire.system, bytes);
  REQUIRE_FALSE(sink(sent));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CAPTURE(length);
    std::vector<char> half(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    EnqueueAttempt back;
    caf::binary_deserializer source(*wire.system, half);

    CHECK(source(back));
  }
}

}  // namespace troupe
