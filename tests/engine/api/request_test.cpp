// Which requests pass the door, and what those hear that do not.
#include "engine/api/request.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

namespace troupe {
namespace {

const ModelCard kModel{.name = "demo", .max_model_len = 100, .vocab_size = 50};

GenerateRequest request_with(const std::function<void(SamplingParams&)>& change) {
  GenerateRequest request{.model = "demo", .prompt = TextPrompt{"hello"}, .sampling = {}};
  change(request.sampling);
  return request;
}

// The name of the field that is refused, or "" when the request passes.
std::string refused(const std::function<void(SamplingParams&)>& change) {
  const auto result = validate(request_with(change), kModel);
  return result ? "" : result.error().param;
}

std::string refused_prompt(Prompt prompt) {
  const GenerateRequest request{.model = "", .prompt = std::move(prompt), .sampling = {}};
  const auto result = validate(request, kModel);
  return result ? "" : result.error().param;
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("a request with nothing but a prompt is fine") {
  CHECK(refused([](SamplingParams&) {}).empty());
}

TEST_CASE("each sampling parameter is taken at the edge of its range and refused beyond it") {
  CHECK(refused([](auto& p) { p.temperature = 0.0F; }).empty());
  CHECK(refused([](auto& p) { p.temperature = -0.1F; }) == "temperature");
  CHECK(refused([](auto& p) { p.temperature = kNaN; }) == "temperature");
  CHECK(refused([](auto& p) { p.temperature = kInfinity; }) == "temperature");
  CHECK(refused([](auto& p) { p.top_p = 1.0F; }).empty());
  CHECK(refused([](auto& p) { p.top_p = 0.0F; }) == "top_p");
  CHECK(refused([](auto& p) { p.top_p = 1.1F; }) == "top_p");
  CHECK(refused([](auto& p) { p.top_k = 0; }).empty());
  CHECK(refused([](auto& p) { p.top_k = -2; }) == "top_k");
  CHECK(refused([](auto& p) { p.min_p = 1.0F; }).empty());
  CHECK(refused([](auto& p) { p.min_p = -0.5F; }) == "min_p");
  CHECK(refused([](auto& p) { p.presence_penalty = -2.0F; }).empty());
  CHECK(refused([](auto& p) { p.presence_penalty = 2.1F; }) == "presence_penalty");
  CHECK(refused([](auto& p) { p.frequency_penalty = -2.1F; }) == "frequency_penalty");
  CHECK(refused([](auto& p) { p.repetition_penalty = 0.0F; }) == "repetition_penalty");
  CHECK(refused([](auto& p) { p.logprobs = 20; }).empty());
  CHECK(refused([](auto& p) { p.logprobs = 21; }) == "logprobs");
  CHECK(refused([](auto& p) { p.logprobs = -1; }) == "logprobs");
}

TEST_CASE("lengths are refused with the numbers that would be right") {
  CHECK(refused([](auto& p) { p.max_tokens = 1; }).empty());
  CHECK(refused([](auto& p) { p.max_tokens = 0; }) == "max_tokens");
  CHECK(refused([](auto& p) { p.max_tokens = 101; }) == "max_tokens");
  CHECK(refused([](auto& p) { p.min_tokens = -1; }) == "min_tokens");
  CHECK(refused([](auto& p) {
          p.max_tokens = 5;
          p.min_tokens = 6;
        }) == "min_tokens");

  const auto too_long = validate(request_with([](auto& p) { p.max_tokens = 101; }), kModel);

  CHECK(too_long.error().code == ErrorCode::context_length_exceeded);
  CHECK(too_long.error().message.find("101") != std::string::npos);
  CHECK(too_long.error().message.find("100") != std::string::npos);
}

TEST_CASE("stop strings, stop tokens and biases have limits in number, size and vocabulary") {
  CHECK(refused([](auto& p) { p.stop.assign(kMaxStopStrings, "x"); }).empty());
  CHECK(refused([](auto& p) { p.stop.assign(kMaxStopStrings + 1, "x"); }) == "stop");
  CHECK(refused([](auto& p) { p.stop = {""}; }) == "stop");
  CHECK(refused([](auto& p) { p.stop = {std::string(kMaxStopStringBytes + 1, 'x')}; }) == "stop");
  CHECK(refused([](auto& p) { p.stop_token_ids = {49}; }).empty());
  CHECK(refused([](auto& p) { p.stop_token_ids = {50}; }) == "stop_token_ids");
  CHECK(refused([](auto& p) { p.logit_bias = {{49, 100.0F}}; }).empty());
  CHECK(refused([](auto& p) { p.logit_bias = {{-1, 0.0F}}; }) == "logit_bias");
  CHECK(refused([](auto& p) { p.logit_bias = {{0, 100.5F}}; }) == "logit_bias");
  CHECK(refused([](auto& p) { p.logit_bias = {{0, kNaN}}; }) == "logit_bias");
}

TEST_CASE("a prompt must say something, in tokens that exist and roles that are known") {
  CHECK(refused_prompt(TextPrompt{""}) == "prompt");
  CHECK(refused_prompt(TokenPrompt{{}}) == "prompt");
  CHECK(refused_prompt(TokenPrompt{{0, 49}}).empty());
  CHECK(refused_prompt(TokenPrompt{{0, 50}}) == "prompt");
  CHECK(refused_prompt(TokenPrompt{{-1}}) == "prompt");
  CHECK(refused_prompt(ChatPrompt{}) == "messages");
  CHECK(refused_prompt(ChatPrompt{{{"user", "hi"}}}).empty());
  CHECK(refused_prompt(ChatPrompt{{{"villain", "hi"}}}) == "messages");
}

TEST_CASE("another model's name is not found, and the answer names the one that is served") {
  GenerateRequest request{.model = "other", .prompt = TextPrompt{"x"}, .sampling = {}};

  const auto result = validate(request, kModel);

  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::not_found);
  CHECK(result.error().message.find("demo") != std::string::npos);
}

TEST_CASE("a prompt and its output must fit the model together") {
  SamplingParams sampling;
  CHECK(output_budget(90, sampling, kModel).value() == 10);
  CHECK(output_budget(99, sampling, kModel).value() == 1);
  CHECK(output_budget(100, sampling, kModel).error().code == ErrorCode::context_length_exceeded);
  sampling.max_tokens = 11;
  CHECK(output_budget(89, sampling, kModel).value() == 11);
  CHECK_FALSE(output_budget(90, sampling, kModel));
  CHECK(output_budget(0, sampling, kModel).error().code == ErrorCode::invalid_value);
}

}  // namespace troupe
