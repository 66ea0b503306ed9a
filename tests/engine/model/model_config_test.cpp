#include "engine/model/model_config.h"

#include "tests/engine/model/tiny_checkpoint.h"

#include <doctest/doctest.h>

#include <cmath>

namespace troupe {
namespace {

ModelConfig accepted(const std::string& changes, const std::string& generation = "") {
  CAPTURE(changes);
  auto config = parse_model_config(tiny_config(changes), generation);
  REQUIRE_MESSAGE(config.has_value(), config.error().message);
  return *config;
}

Error refused(const std::string& changes, const std::string& generation = "") {
  CAPTURE(changes);
  const auto config = parse_model_config(tiny_config(changes), generation);
  REQUIRE_FALSE(config.has_value());
  CHECK(config.error().message.size() < 300);
  CHECK(config.error().message.find('\n') == std::string::npos);
  return config.error();
}

bool says(const Error& error, ErrorCode code, const std::string& part) {
  CAPTURE(error.message);
  CHECK(error.code == code);
  CHECK(error.message.find(part) != std::string::npos);
  return error.code == code && error.message.find(part) != std::string::npos;
}

TEST_CASE("the numbers of config.json are those of the model") {
  const auto config = accepted("{}");

  CHECK(config.spec.architecture == "LlamaForCausalLM");
  CHECK(config.spec.hidden_size == 8);
  CHECK(config.spec.num_layers == 2);
  CHECK(config.spec.num_heads == 2);
  CHECK(config.spec.num_kv_heads == 1);
  CHECK(config.spec.head_size == 4);
  CHECK(config.spec.intermediate_size == 12);
  CHECK(config.spec.vocab_size == 16);
  CHECK(config.spec.max_position == 64);
  CHECK(config.spec.norm_epsilon == 1e-6F);
  CHECK(config.spec.attention_scale == 0.5F);
  CHECK(config.tie_word_embeddings == false);
  CHECK(config.spec.eos_tokens == std::vector<TokenId>{2});
}

TEST_CASE("what old checkpoints leave out has its value all the same") {
  const auto config = accepted(R"({"num_key_value_heads": null, "head_dim": null,
                                   "tie_word_embeddings": null, "eos_token_id": null,
                                   "hidden_act": null})");

  CHECK(config.spec.num_kv_heads == 2);
  CHECK(config.spec.head_size == 4);
  CHECK_FALSE(config.tie_word_embeddings.has_value());
  CHECK(config.spec.eos_tokens.empty());
  CHECK(config.spec.rope.inverse_frequency == std::vector<float>{1.0F, 0.01F});
}

TEST_CASE("a head size of its own need not fit the hidden size") {
  const auto config = accepted(R"({"head_dim": 6, "num_attention_heads": 5,
                                   "num_key_value_heads": 5})");

  CHECK(config.spec.head_size == 6);
  CHECK(config.spec.attention_scale == 1.0F / std::sqrt(6.0F));
}

TEST_CASE("generation_config.json is trusted with the end tokens, and config.json without it") {
  CHECK(accepted("{}", R"({"eos_token_id": [3, 5]})").spec.eos_tokens ==
        std::vector<TokenId>{3, 5});
  CHECK(accepted("{}", R"({"temperature": 0.6})").spec.eos_tokens == std::vector<TokenId>{2});
  CHECK(says(refused("{}", R"({"eos_token_id": [3, 16]})"), ErrorCode::invalid_model,
             "generation_config.json: \"eos_token_id\""));
  CHECK(
      says(refused("{}", "{"), ErrorCode::invalid_model, "generation_config.json: not valid JSON"));
}

TEST_CASE("every number has a range, and a value outside it is named with it") {
  const std::string fields[] = {"hidden_size",
                                "num_hidden_layers",
                                "num_attention_heads",
                                "num_key_value_heads",
                                "intermediate_size",
                                "vocab_size",
                                "head_dim",
                                "max_position_embeddings",
                                "rms_norm_eps"};
  const std::string values[] = {
      "0",   "-1", "9223372036854775807", "18446744073709551615", "-9e9", "1e30", "\"7\"", "true",
      "[7]", "{}"};
  for (const auto& field : fields) {
    for (const auto& value : values) {
      const auto error = refused("{\"" + field + "\": " + value + "}");
      CHECK(says(error, ErrorCode::invalid_model, "config.json: \"" + field + "\" must be"));
    }
  }
  CHECK(says(refused(R"({"hidden_size": 8.0})"), ErrorCode::invalid_model, "not 8.0"));
}

TEST_CASE("a number that must be there is missed by name") {
  for (const std::string field :
       {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
        "vocab_size", "max_position_embeddings", "rms_norm_eps", "architectures"}) {
    CHECK(says(refused("{\"" + field + "\": null}"), ErrorCode::invalid_model,
               "\"" + field + "\" is missing"));
  }
}

TEST_CASE("heads that do not divide are refused with both numbers") {
  CHECK(says(refused(R"({"num_attention_heads": 3})"), ErrorCode::invalid_model,
             "\"hidden_size\" (8) must be a multiple of \"num_attention_heads\" (3)"));
  CHECK(says(refused(R"({"num_attention_heads": 4, "num_key_value_heads": 3})"),
             ErrorCode::invalid_model,
             "\"num_attention_heads\" (4) must be a multiple of \"num_key_value_heads\" (3)"));
  CHECK(says(refused(R"({"head_dim": 5})"), ErrorCode::invalid_model, "even"));
  CHECK(says(refused(R"({"hidden_size": 131072, "num_attention_heads": 1})"),
             ErrorCode::invalid_model, "at most 1024"));
}

TEST_CASE("an architecture that is not known is refused with the list of those that are") {
  const auto error = refused(R"({"architectures": ["GPT2LMHeadModel"]})");
  CHECK(says(error, ErrorCode::unsupported, "\"GPT2LMHeadModel\""));
  CHECK(says(error, ErrorCode::unsupported,
             "LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM"));
  CHECK(says(refused(R"({"architectures": []})"), ErrorCode::invalid_model, "missing"));
  CHECK(says(refused(R"({"architectures": [7]})"), ErrorCode::invalid_model, "strings"));
  CHECK(says(refused(R"({"architectures": "LlamaForCausalLM"})"), ErrorCode::invalid_model,
             "strings"));
}

TEST_CASE("a window shorter than the model's length is refused where the family has one") {
  const std::string mistral = R"("architectures": ["MistralForCausalLM"])";
  const std::string qwen = R"("architectures": ["Qwen2ForCausalLM"])";

  CHECK(says(refused("{" + mistral + R"(, "sliding_window": 63})"), ErrorCode::unsupported,
             "\"sliding_window\" (63)"));
  accepted("{" + mistral + R"(, "sliding_window": 64})");
  accepted("{" + mistral + R"(, "sliding_window": null})");
  accepted("{" + qwen + R"(, "sliding_window": 32, "use_sliding_window": false})");
  accepted("{" + qwen + R"(, "sliding_window": 32})");
  CHECK(says(refused("{" + qwen + R"(, "sliding_window": 32, "use_sliding_window": true})"),
             ErrorCode::unsupported, "\"sliding_window\" (32)"));
  accepted(R"({"sliding_window": 32})");
}

TEST_CASE("what would be computed wrongly is refused") {
  CHECK(says(refused(R"({"hidden_act": "gelu"})"), ErrorCode::unsupported, "\"gelu\""));
  CHECK(says(refused(R"({"quantization_config": {"quant_method": "awq"}})"), ErrorCode::unsupported,
             "quantized"));
}

TEST_CASE("a file that is no JSON object is refused in one line") {
  for (const std::string text : {"", "nope", "[]", "7", "{\"hidden_size\": 8", "\xff\xfe"}) {
    CAPTURE(text);
    const auto config = parse_model_config(text, "");
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().code == ErrorCode::invalid_model);
    CHECK(config.error().message.starts_with("config.json: "));
  }
  const auto nested = parse_model_config("{\"a\":" + std::string(100000, '['), "");
  REQUIRE_FALSE(nested.has_value());
  CHECK(nested.error().message.find("nested deeper") != std::string::npos);
}

TEST_CASE("whatever value stands at whatever field, the answer is a config or one clear line") {
  const std::string fields[] = {"architectures",        "hidden_act",     "tie_word_embeddings",
                                "eos_token_id",         "rope_theta",     "rope_scaling",
                                "rope_parameters",      "sliding_window", "quantization_config",
                                "partial_rotary_factor"};
  const std::string values[] = {"0",          "-1",   "1e308", "true",  "[]",
                                "{}",         "[[]]", "\"\"",  "\"x\"", "{\"rope_type\": 7}",
                                "[1, \"x\"]", "[-1]"};
  for (const auto& field : fields) {
    for (const auto& value : values) {
      CAPTURE(field);
      CAPTURE(value);
      const auto config = parse_model_config(tiny_config("{\"" + field + "\": " + value + "}"), "");
      CHECK((config.has_value() || config.error().message.starts_with("config.json: ")));
    }
  }
}

}  // namespace
}  // namespace troupe
