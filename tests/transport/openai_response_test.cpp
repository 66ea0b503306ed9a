// Answers of the OpenAI API, byte for byte.
#include "transport/openai_response.h"

#include "transport/choice_state.h"
#include "transport/error_table.h"
#include "transport/logprob_format.h"
#include "transport/status_format.h"

#include "tests/support/fake_service.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace troupe;
using namespace troupe::transport;
using troupe::testing::delta;
using troupe::testing::finished;

namespace {

const ResponseIdentity kChat = {Endpoint::chat, "chatcmpl-1", "m", "fp", 7};
const ResponseIdentity kText = {Endpoint::completions, "cmpl-1", "m", "fp", 7};
const std::string kChatOpening =
    R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m",)"
    R"("system_fingerprint":"fp","choices":[)";
const std::string kTextOpening =
    R"({"id":"cmpl-1","object":"text_completion","created":7,"model":"m",)"
    R"("system_fingerprint":"fp","choices":[)";

PositionLogprobs position(std::string bytes) {
  PositionLogprobs made;
  made.sampled = {1, -0.5F, bytes};
  made.top = {{1, -0.5F, bytes}, {2, -std::numeric_limits<float>::infinity(), "\xE2\x82"}};
  return made;
}

TEST_CASE("the chunks of a chat begin with the role and end with the reason") {
  ChunkFormatter chunks(kChat, 0);
  std::string out;
  chunks.append_role(out, {});
  CHECK(out == kChatOpening +
                   R"({"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,)"
                   R"("finish_reason":null}]})");
  out.clear();
  chunks.append_delta(out, delta("a\"b"), {ChunkUsage::null, 0, 0});
  CHECK(out == kChatOpening + R"({"index":0,"delta":{"content":"a\"b"},"logprobs":null,)"
                              R"("finish_reason":null}],"usage":null})");
  out.clear();
  auto end = finished(3, 2);
  end.stop_reason = std::string("END");
  chunks.append_finish(out, end, {ChunkUsage::running, 3, 2});
  CHECK(out == kChatOpening +
                   R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop",)"
                   R"("stop_reason":"END"}],"usage":{"prompt_tokens":3,"completion_tokens":2,)"
                   R"("total_tokens":5,"prompt_tokens_details":{"cached_tokens":0}}})");
}

TEST_CASE("the chunks of a completion are text") {
  ChunkFormatter chunks(kText, 2);
  std::string out;
  chunks.append_delta(out, delta("x"), {});
  CHECK(out == kTextOpening + R"({"index":2,"text":"x","logprobs":null,"finish_reason":null}]})");
  out.clear();
  auto end = finished(3, 2);
  end.reason = FinishReason::length;
  end.stop_reason = TokenId{9};
  chunks.append_finish(out, end, {});
  CHECK(out == kTextOpening + R"({"index":2,"text":"","logprobs":null,"finish_reason":"length",)"
                              R"("stop_reason":9}]})");
  out.clear();
  append_usage_chunk(out, kText, {3, 1, 2});
  CHECK(out == kTextOpening + R"(],"usage":{"prompt_tokens":3,"completion_tokens":2,)"
                              R"("total_tokens":5,"prompt_tokens_details":{"cached_tokens":1}}})");
}

TEST_CASE("an answer in one piece has every choice and the usage of all") {
  const auto text = delta("hi");
  const auto end = finished(3, 1);
  std::string out;
  append_whole(out, kText, {{"p:", &text, &end}, {"", &text, &end}}, end.usage + end.usage);
  CHECK(out == kTextOpening +
                   R"({"index":0,"text":"p:hi","logprobs":null,"finish_reason":"stop",)"
                   R"("stop_reason":null},{"index":1,"text":"hi","logprobs":null,)"
                   R"("finish_reason":"stop","stop_reason":null}],"usage":{"prompt_tokens":6,)"
                   R"("completion_tokens":2,"total_tokens":8,)"
                   R"("prompt_tokens_details":{"cached_tokens":2}}})");
  out.clear();
  append_whole(out, kChat, {{"", &text, &end}}, end.usage);
  CHECK(out.find(R"("object":"chat.completion",)") != std::string::npos);
  CHECK(out.find(R"({"index":0,"message":{"role":"assistant","content":"hi","refusal":null},)") !=
        std::string::npos);
}

TEST_CASE("log-probabilities of a chat carry bytes, and no number that JSON has not") {
  std::string out;
  append_chat_logprobs(out, {position("\xC3\xA9")});
  CHECK(out ==
        "{\"content\":[{\"token\":\"\xC3\xA9\",\"logprob\":-0.5,\"bytes\":[195,169],"
        "\"top_logprobs\":[{\"token\":\"\xC3\xA9\",\"logprob\":-0.5,\"bytes\":[195,169]},"
        "{\"token\":\"\xEF\xBF\xBD\xEF\xBF\xBD\",\"logprob\":-9999,\"bytes\":[226,130]}]}],"
        "\"refusal\":null}");
}

TEST_CASE("log-probabilities of a completion count characters and name a token once") {
  std::string out;
  const auto next = append_completion_logprobs(out, {position("\xC3\xA9"), position("b")}, 4);
  CHECK(next == 6);
  CHECK(out ==
        "{\"tokens\":[\"\xC3\xA9\",\"b\"],\"token_logprobs\":[-0.5,-0.5],"
        "\"top_logprobs\":[{\"\xC3\xA9\":-0.5,\"bytes:\\\\xe2\\\\x82\":-9999},"
        "{\"b\":-0.5,\"bytes:\\\\xe2\\\\x82\":-9999}],\"text_offset\":[4,5]}");
}

TEST_CASE("each failure has its status, type and code") {
  CHECK(look_of({ErrorCode::invalid_value, "", ""}).status == 400);
  CHECK(look_of({ErrorCode::context_length_exceeded, "", ""}).code == "context_length_exceeded");
  CHECK(look_of({ErrorCode::unauthorized, "", ""}).code == "invalid_api_key");
  CHECK(look_of({ErrorCode::not_found, "", "model"}).code == "model_not_found");
  CHECK(look_of({ErrorCode::not_found, "", "id"}).code.empty());
  CHECK(look_of({ErrorCode::queue_full, "", ""}).status == 503);
  CHECK(look_of({ErrorCode::deadline_exceeded, "", ""}).status == 504);
  CHECK(look_of({ErrorCode::worker_lost, "", ""}).code == "worker_lost");
  CHECK(look_of({ErrorCode::device, "", ""}).code == "internal");
  CHECK(format_error({ErrorCode::not_found, "no \"x\"", "id"}) ==
        R"({"error":{"message":"no \"x\"","type":"not_found_error","param":"id","code":null}})");
}

TEST_CASE("deltas that were not taken are merged, and nothing comes after the end") {
  ChoiceState choice;
  CHECK_FALSE(choice.answered());
  choice.put(Accepted{3});
  CHECK(choice.answered());
  choice.put(delta("a"));
  choice.put(delta("b"));
  CHECK(choice.held_bytes() > 0);
  const auto merged = choice.take_delta();
  CHECK(merged.text == "ab");
  CHECK(merged.tokens.size() == 2);
  CHECK(choice.held_bytes() == 0);
  choice.put(finished(3, 2));
  choice.put(delta("late"));
  choice.put(Failed{{ErrorCode::internal, "late", ""}});
  CHECK_FALSE(choice.has_delta());
  CHECK(choice.error() == nullptr);
  CHECK(choice.num_output_tokens() == 2);
}

TEST_CASE("the house is ready, loading, draining or unhealthy") {
  const auto with = [](EngineHealth health) {
    ServiceStatus status;
    status.engines.resize(1);
    status.engines[0].health = health;
    return status;
  };
  CHECK(house_state(with(EngineHealth::healthy)) == HouseState::ready);
  CHECK(house_state(with(EngineHealth::restarting)) == HouseState::ready);
  CHECK(house_state(with(EngineHealth::starting)) == HouseState::loading);
  CHECK(house_state(with(EngineHealth::given_up)) == HouseState::unhealthy);
  CHECK(house_state({}) == HouseState::loading);
  auto draining = with(EngineHealth::healthy);
  draining.draining = true;
  CHECK(house_state(draining) == HouseState::draining);
  CHECK(format_health(HouseState::loading) ==
        R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})");
}

}  // namespace
