// Bodies of the OpenAI API: what they come to mean, and how each mistake is named.
#include "transport/openai_request.h"

#include "transport/json_reader.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::transport;

namespace {

Result<CompletionOrder> parse(Endpoint endpoint,
                              std::string_view text,
                              UnknownFields unknown = UnknownFields::name_in_answer) {
  auto json = read_json(text, {});
  REQUIRE(json.has_value());
  return parse_completion(endpoint, std::move(*json), {32, unknown});
}

CompletionOrder completion(const std::string& fields) {
  auto order = parse(Endpoint::completions, R"({"prompt":"hi",)" + fields + "}");
  CAPTURE(fields);
  REQUIRE(order.has_value());
  return std::move(*order);
}

// The error of a completion with these fields, as `code:param`.
std::string completion_error(const std::string& fields) {
  auto order = parse(Endpoint::completions, R"({"prompt":"hi",)" + fields + "}");
  CAPTURE(fields);
  REQUIRE_FALSE(order.has_value());
  return std::string(to_string(order.error().code)) + ":" + order.error().param;
}

std::string chat_error(const std::string& fields) {
  auto order = parse(Endpoint::chat, "{" + fields + "}");
  CAPTURE(fields);
  REQUIRE_FALSE(order.has_value());
  return std::string(to_string(order.error().code)) + ":" + order.error().param;
}

TEST_CASE("every sampling field arrives under its name") {
  const auto order = completion(
      R"("model":"m","temperature":0.5,"top_p":0.25,"top_k":-1,"min_p":0.125,"seed":-1,
      "presence_penalty":1,"frequency_penalty":-1,"repetition_penalty":1.5,"max_tokens":9,
      "min_tokens":2,"stop":["a","b"],"stop_token_ids":[1,2],"logit_bias":{"5":-2.5},
      "ignore_eos":true,"include_stop_str_in_output":true,"skip_special_tokens":false,
      "logprobs":3,"n":1,"best_of":1,"user":"u")");

  REQUIRE(order.requests.size() == 1);
  CHECK(order.requests[0].model == "m");
  const auto& sampling = order.requests[0].sampling;
  CHECK(sampling.temperature == 0.5F);
  CHECK(sampling.top_p == 0.25F);
  CHECK(sampling.top_k == 0);
  CHECK(sampling.min_p == 0.125F);
  CHECK(sampling.seed == 0xFFFFFFFFFFFFFFFFU);
  CHECK(sampling.presence_penalty == 1.0F);
  CHECK(sampling.frequency_penalty == -1.0F);
  CHECK(sampling.repetition_penalty == 1.5F);
  CHECK(sampling.max_tokens == 9);
  CHECK(sampling.min_tokens == 2);
  CHECK(sampling.stop == std::vector<std::string>{"a", "b"});
  CHECK(sampling.stop_token_ids == std::vector<TokenId>{1, 2});
  CHECK(sampling.logit_bias == std::vector<std::pair<TokenId, float>>{{5, -2.5F}});
  CHECK(sampling.ignore_eos);
  CHECK(sampling.include_stop_str_in_output);
  CHECK_FALSE(sampling.skip_special_tokens);
  CHECK(sampling.logprobs == 3);
  CHECK(order.ignored_fields.empty());
}

TEST_CASE("the defaults are OpenAI's, and null is not given") {
  const auto bare = completion(R"("stop":null,"seed":null,"max_tokens":null,"tools":null)");
  SamplingParams expected;
  expected.max_tokens = 16;
  CHECK(bare.requests[0].sampling == expected);
  CHECK_FALSE(bare.stream);

  const auto chat =
      parse(Endpoint::chat, R"({"messages":[{"role":"user","content":"hi"}],"max_tokens":5,
      "max_completion_tokens":7})");
  REQUIRE(chat.has_value());
  CHECK(chat->requests[0].sampling.max_tokens == 7);
  const auto open = parse(Endpoint::chat, R"({"messages":[{"role":"user","content":"hi"}]})");
  REQUIRE(open.has_value());
  CHECK_FALSE(open->requests[0].sampling.max_tokens.has_value());
}

TEST_CASE("a prompt is a text, tokens, or several of either") {
  const auto prompts = [](std::string_view prompt) {
    auto order = parse(Endpoint::completions, R"({"prompt":)" + std::string(prompt) + "}");
    REQUIRE(order.has_value());
    return std::move(order->requests);
  };
  CHECK(std::get<TextPrompt>(prompts(R"("hi")")[0].prompt).text == "hi");
  CHECK(std::get<TokenPrompt>(prompts("[1,2,3]")[0].prompt).tokens == std::vector{1, 2, 3});
  const auto texts = prompts(R"(["a","b"])");
  REQUIRE(texts.size() == 2);
  CHECK(std::get<TextPrompt>(texts[1].prompt).text == "b");
  const auto lists = prompts("[[1],[2,3]]");
  REQUIRE(lists.size() == 2);
  CHECK(std::get<TokenPrompt>(lists[1].prompt).tokens == std::vector{2, 3});

  for (const auto* bad : {"[]", "7", "true", "{}", R"(["a",1])", R"([1,"a"])", "[[1],2]", "[1.0]",
                          "[-1]", "[2147483648]", "[true]", "[null]", "[[1.5]]"}) {
    CAPTURE(bad);
    const auto order = parse(Endpoint::completions, R"({"prompt":)" + std::string(bad) + "}");
    REQUIRE_FALSE(order.has_value());
    CHECK(order.error().code == ErrorCode::invalid_value);
    CHECK(order.error().param == "prompt");
  }
  std::string many = "[\"a\"";
  for (int i = 1; i < 33; ++i) {
    many += ",\"a\"";
  }
  CHECK_FALSE(parse(Endpoint::completions, R"({"prompt":)" + many + "]}").has_value());
  CHECK_FALSE(parse(Endpoint::completions, "{}").has_value());
}

TEST_CASE("messages may be text or text parts, and developer is system") {
  const auto order = parse(Endpoint::chat, R"({"messages":[
      {"role":"developer","content":"be brief","name":"x"},
      {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
      {"role":"assistant","content":"c","tool_calls":null}],"add_generation_prompt":false})");
  REQUIRE(order.has_value());
  const auto& chat = std::get<ChatPrompt>(order->requests[0].prompt);
  CHECK(chat.messages ==
        std::vector<ChatMessage>{{"system", "be brief"}, {"user", "a\nb"}, {"assistant", "c"}});
  CHECK_FALSE(chat.add_generation_prompt);

  CHECK(chat_error(R"("messages":null)") == "invalid_value:messages");
  CHECK(chat_error(R"("messages":"hi")") == "invalid_value:messages");
  CHECK(chat_error(R"("messages":["hi"])") == "invalid_value:messages[0]");
  CHECK(chat_error(R"("messages":[{"content":"a"}])") == "invalid_value:messages[0].role");
  CHECK(chat_error(R"("messages":[{"role":1,"content":"a"}])") == "invalid_value:messages[0].role");
  CHECK(chat_error(R"("messages":[{"role":"user"}])") == "invalid_value:messages[0].content");
  CHECK(chat_error(R"("messages":[{"role":"user","content":3}])") ==
        "invalid_value:messages[0].content");
  CHECK(chat_error(R"("messages":[{"role":"user","content":[{"type":"image_url"}]}])") ==
        "unsupported:messages[0].content");
  CHECK(chat_error(R"("messages":[{"role":"assistant","content":"a","tool_calls":[]}])") ==
        "unsupported:messages[0].tool_calls");
}

TEST_CASE("an integer is an exact integer in its range, whatever a lax reader would make of it") {
  for (const auto* bad : {"0", "-1", "2147483648", "9223372036854775808", "1.5", "1.0", "\"10\"",
                          "true", "[1]", "{}", "1e2"}) {
    CHECK(completion_error(R"("max_tokens":)" + std::string(bad)) == "invalid_value:max_tokens");
    CHECK(completion_error(R"("max_completion_tokens":)" + std::string(bad)) ==
          "invalid_value:max_completion_tokens");
  }
  for (const auto* bad : {"0", "-1", "9", "1000000", "1000000000", "1.0", "\"1\"", "true"}) {
    CHECK(completion_error(R"("n":)" + std::string(bad)) == "invalid_value:n");
    CHECK(completion_error(R"("best_of":)" + std::string(bad)) == "invalid_value:best_of");
  }
  CHECK(completion_error(R"("n":2)") == "unsupported:n");
  CHECK(completion_error(R"("best_of":8)") == "unsupported:best_of");
  for (const auto* bad : {"-1", "21", "1000000", "true"}) {
    CHECK(completion_error(R"("logprobs":)" + std::string(bad)) == "invalid_value:logprobs");
  }
  CHECK(completion_error(R"("top_k":-2)") == "invalid_value:top_k");
  CHECK(completion_error(R"("top_k":2147483648)") == "invalid_value:top_k");
  CHECK(completion_error(R"("seed":1.5)") == "invalid_value:seed");
  CHECK(completion_error(R"("temperature":"hot")") == "invalid_value:temperature");
  CHECK(completion_error(R"("temperature":1e39)") == "invalid_value:temperature");
  CHECK(completion_error(R"("stop":7)") == "invalid_value:stop");
  CHECK(completion_error(R"("stop":["a",7])") == "invalid_value:stop");
  CHECK(completion_error(R"("stop_token_ids":[-1])") == "invalid_value:stop_token_ids");
  CHECK(completion_error(R"("logit_bias":{"x":1})") == "invalid_value:logit_bias");
  CHECK(completion_error(R"("logit_bias":{"5 ":1})") == "invalid_value:logit_bias");
  CHECK(completion_error(R"("logit_bias":{"5":"1"})") == "invalid_value:logit_bias");
  CHECK(completion_error(R"("logit_bias":[1])") == "invalid_value:logit_bias");
  CHECK(completion_error(R"("ignore_eos":1)") == "invalid_value:ignore_eos");
  CHECK(completion_error(R"("stream":"yes")") == "invalid_value:stream");
  CHECK(completion_error(R"("model":7)") == "invalid_value:model");
  CHECK(completion_error(R"("user":7)") == "invalid_value:user");
}

TEST_CASE("the log-probabilities of a chat are a flag and a number that belong together") {
  const std::string messages = R"("messages":[{"role":"user","content":"hi"}],)";
  const auto with = [&](const std::string& fields) {
    return parse(Endpoint::chat, "{" + messages + fields + "}");
  };
  CHECK(with(R"("logprobs":true)")->requests[0].sampling.logprobs == 0);
  CHECK(with(R"("logprobs":true,"top_logprobs":5)")->requests[0].sampling.logprobs == 5);
  CHECK_FALSE(with(R"("logprobs":false)")->requests[0].sampling.logprobs.has_value());
  CHECK(chat_error(messages + R"("logprobs":5)") == "invalid_value:logprobs");
  CHECK(chat_error(messages + R"("top_logprobs":5)") == "invalid_value:top_logprobs");
  CHECK(chat_error(messages + R"("logprobs":true,"top_logprobs":21)") ==
        "invalid_value:top_logprobs");
}

TEST_CASE("what is known and not offered is refused by name unless it asks for nothing") {
  for (const auto* name :
       {"suffix", "chat_template", "guided_json", "reasoning_effort", "session_id"}) {
    std::string field = R"(")";
    field.append(name).append(R"(":"x")");
    CHECK(completion_error(field) == "unsupported:" + std::string(name));
  }
  CHECK(completion_error(R"("response_format":{"type":"json_object"})") ==
        "unsupported:response_format");
  CHECK(completion_error(R"("response_format":"text")") == "unsupported:response_format");
  CHECK(completion_error(R"("tools":[{}])") == "unsupported:tools");
  CHECK(completion_error(R"("tool_choice":"required")") == "unsupported:tool_choice");
  CHECK(completion_error(R"("use_beam_search":true)") == "unsupported:use_beam_search");
  CHECK(completion_error(R"("echo":true,"logprobs":1)") == "unsupported:echo");

  const auto harmless = completion(
      R"("service_tier":"auto","response_format":{"type":"text"},"tools":[],"tool_choice":"none",
      "use_beam_search":false,"length_penalty":1.0,"store":false,"suffix":null)");
  CHECK(harmless.ignored_fields.empty());
}

TEST_CASE("unknown fields are named, or refused when the server is strict") {
  const auto order =
      completion(R"("foo":1,"bar":{"baz":2},"stream":true,"stream_options":{"x":1})");
  CHECK(order.ignored_fields == std::vector<std::string>{"foo", "bar", "stream_options.x"});

  const auto strict =
      parse(Endpoint::completions, R"({"prompt":"hi","foo":1})", UnknownFields::refuse);
  REQUIRE_FALSE(strict.has_value());
  CHECK(strict.error().code == ErrorCode::unsupported);
  CHECK(strict.error().param == "foo");
}

TEST_CASE("usage in a stream is told when asked for, and stream_options need a stream") {
  CHECK(completion(R"("stream":true)").usage_reports == UsageReports::none);
  CHECK(completion(R"("stream":true,"stream_options":{"include_usage":true})").usage_reports ==
        UsageReports::last_chunk);
  CHECK(completion(R"("stream":true,"stream_options":{"include_usage":true,
      "continuous_usage_stats":true})")
            .usage_reports == UsageReports::every_chunk);
  CHECK(completion_error(R"("stream_options":{"include_usage":true})") ==
        "invalid_value:stream_options");
  CHECK(completion_error(R"("stream":true,"stream_options":true)") ==
        "invalid_value:stream_options");
}

TEST_CASE("echo repeats text prompts alone") {
  CHECK(completion(R"("echo":true)").echoes == std::vector<std::string>{"hi"});
  CHECK(completion(R"("echo":false)").echoes.empty());
  const auto tokens = parse(Endpoint::completions, R"({"prompt":[1],"echo":true})");
  REQUIRE_FALSE(tokens.has_value());
  CHECK(tokens.error().code == ErrorCode::unsupported);
}

TEST_CASE("a body that is no object is not JSON of this API") {
  for (const auto* body : {"[]", "7", "null", "\"text\"", "true"}) {
    const auto order = parse(Endpoint::chat, body);
    REQUIRE_FALSE(order.has_value());
    CHECK(order.error().code == ErrorCode::invalid_json);
  }
}

TEST_CASE("tokenize takes a prompt or messages, detokenize takes tokens") {
  const auto tokenize = [](std::string_view text) {
    return parse_tokenize(std::move(*read_json(text, {})));
  };
  CHECK(std::get<TextPrompt>(tokenize(R"({"prompt":"hi","extra":1})")->prompt).text == "hi");
  CHECK(std::get<ChatPrompt>(tokenize(R"({"messages":[{"role":"user","content":"hi"}]})")->prompt)
            .messages.size() == 1);
  CHECK_FALSE(tokenize("{}").has_value());
  CHECK_FALSE(tokenize(R"({"prompt":["a","b"]})").has_value());

  const auto detokenize = [](std::string_view text) {
    return parse_detokenize(std::move(*read_json(text, {})), 3);
  };
  CHECK(detokenize(R"({"tokens":[1,2,3],"model":"m"})")->tokens.size() == 3);
  CHECK_FALSE(detokenize(R"({"tokens":[1,2,3,4]})").has_value());
  CHECK_FALSE(detokenize(R"({"tokens":"x"})").has_value());
  CHECK_FALSE(detokenize("{}").has_value());
}

}  // namespace
