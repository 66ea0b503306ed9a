#include "engine/model/model_config.h"

#include "tests/engine/model/tiny_checkpoint.h"

#include <doctest/doctest.h>

#include <cmath>

namespace troupe {
namespace {

// A head of 8: four pairs, of wavelengths 2 pi * 10000^(i / 4).
ModelSpec spec_with(const std::string& rope) {
  CAPTURE(rope);
  const auto config = parse_model_config(tiny_config("{\"head_dim\": 8, " + rope + "}"), "");
  REQUIRE_MESSAGE(config.has_value(), config.error().message);
  return config->spec;
}

Error refused(const std::string& rope) {
  CAPTURE(rope);
  const auto config = parse_model_config(tiny_config("{\"head_dim\": 8, " + rope + "}"), "");
  REQUIRE_FALSE(config.has_value());
  return config.error();
}

void check_frequencies(const Rope& rope, const std::vector<double>& expected) {
  REQUIRE(rope.inverse_frequency.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(static_cast<double>(rope.inverse_frequency[i]) ==
          doctest::Approx(expected[i]).epsilon(1e-6));
  }
}

TEST_CASE("pairs of a head turn at powers of theta, in either spelling") {
  for (const auto* spelling :
       {R"("rope_theta": 10000.0)", R"("rope_parameters": {"rope_theta": 10000.0})",
        R"("rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"})",
        R"("rope_theta": 10000, "rope_scaling": null)", R"("rope_theta": null)"}) {
    const auto spec = spec_with(spelling);
    check_frequencies(spec.rope, {1.0, 0.1, 0.01, 0.001});
    CHECK(spec.rope.rotary_dim == 8);
    CHECK(spec.rope.attention_factor == 1.0F);
  }
}

TEST_CASE("linear scaling slows every pair") {
  for (const auto* spelling : {R"("rope_scaling": {"type": "linear", "factor": 4.0})",
                               R"("rope_parameters": {"rope_type": "linear", "factor": 4.0})"}) {
    check_frequencies(spec_with(spelling).rope, {0.25, 0.025, 0.0025, 0.00025});
  }
}

TEST_CASE("llama3 scaling keeps short waves, slows long ones and mixes between") {
  const auto spec = spec_with(R"("rope_scaling": {"rope_type": "llama3", "factor": 8.0,
      "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 100})");

  // Wavelengths 6.3, 63, 628, 6283 against 100 / 4 and 100 / 1.
  const auto share = (100.0 / (2.0 * M_PI / 0.1) - 1.0) / 3.0;
  check_frequencies(spec.rope,
                    {1.0, (1.0 - share) * 0.1 / 8.0 + share * 0.1, 0.01 / 8.0, 0.001 / 8.0});
  CHECK(spec.max_position == 64);
}

TEST_CASE("yarn scaling mixes pair by pair, warms the attention and lengthens the model") {
  const auto spec = spec_with(R"("rope_scaling": {"type": "yarn", "factor": 4.0,
      "original_max_position_embeddings": 32})");

  // Pairs that turn 32 and once in 32 tokens: -0.8 -> 0 and 0.7 -> 1.
  check_frequencies(spec.rope, {1.0, 0.1 / 4.0, 0.01 / 4.0, 0.001 / 4.0});
  CHECK(static_cast<double>(spec.rope.attention_factor) ==
        doctest::Approx(0.1 * std::log(4.0) + 1.0));
  CHECK(spec.max_position == 128);
  CHECK(spec_with(R"("rope_scaling": {"type": "yarn", "factor": 4.0, "attention_factor": 1.5})")
            .rope.attention_factor == 1.5F);
}

TEST_CASE("a scaling whose frequencies change with the length is refused") {
  for (const std::string type : {"dynamic", "longrope", "su", "ntk"}) {
    const auto error = refused(R"("rope_scaling": {"factor": 2.0, "type": ")" + type + "\"}");
    CHECK(error.code == ErrorCode::unsupported);
    CHECK(error.message.find("\"" + type + "\"") != std::string::npos);
    CHECK(error.message.find("default, linear, llama3, yarn") != std::string::npos);
  }
  CHECK(refused(R"("partial_rotary_factor": 0.5)").code == ErrorCode::unsupported);
  CHECK(refused(R"("rope_parameters": {"full_attention": {"rope_theta": 1e4}})").code ==
        ErrorCode::unsupported);
}

TEST_CASE("a scaling without its numbers, or with impossible ones, is refused by name") {
  for (
      const auto& [rope, part] : {
          std::pair{R"("rope_scaling": {"type": "linear"})", "\"factor\" is missing"},
          {R"("rope_scaling": {"type": "linear", "factor": 0})", "\"factor\" must be"},
          {R"("rope_scaling": {"type": "yarn", "factor": "4"})", "\"factor\" must be"},
          {R"("rope_scaling": {"type": "yarn", "factor": 2, "original_max_position_embeddings": -4})",
           "\"original_max_position_embeddings\" must be"},
          {R"("rope_scaling": {"type": "llama3", "factor": 8, "low_freq_factor": 4,
              "high_freq_factor": 4, "original_max_position_embeddings": 32})",
           "\"low_freq_factor\" must be below"},
          {R"("rope_scaling": {"type": "llama3", "factor": 8, "low_freq_factor": 1,
              "high_freq_factor": 4})",
           "\"original_max_position_embeddings\" is missing"},
          {R"("rope_theta": 0)", "\"rope_theta\" must be"},
          {R"("rope_theta": -10000)", "\"rope_theta\" must be"},
          {R"("rope_scaling": 7)", "\"rope_scaling\" must be an object"},
      }) {
    const auto error = refused(rope);
    CAPTURE(error.message);
    CHECK(error.code == ErrorCode::invalid_model);
    CHECK(error.message.find(part) != std::string::npos);
  }
}

}  // namespace
}  // namespace troupe
