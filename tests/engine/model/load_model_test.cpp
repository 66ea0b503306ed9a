#include "engine/model/weights.h"

#include "tests/engine/model/tiny_checkpoint.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

Result<std::shared_ptr<const Model>> load_golden(const std::string& name) {
  return load_model(std::string(TROUPE_SOURCE_DIR) + "/tests/data/golden/" + name);
}

std::shared_ptr<const Model> golden(const std::string& name) {
  auto model = load_golden(name);
  REQUIRE_MESSAGE(model.has_value(), model.error().message);
  return *model;
}

TEST_CASE("checkpoints that transformers saved are loaded, family by family") {
  CHECK(golden("llama")->spec.num_layers == 3);
  CHECK_FALSE(golden("llama")->spec.tied_embeddings);
  CHECK(golden("qwen2")->spec.head_size == 64);
  CHECK_FALSE(golden("qwen2")->weights.layers[0].v_bias.empty());
  CHECK(golden("qwen3")->spec.qk_norm == QkNorm::per_head);
  CHECK(golden("qwen3")->spec.tied_embeddings);
  CHECK(golden("mistral")->spec.num_kv_heads == 1);
}

TEST_CASE("the old and the new spelling of a config.json say the same") {
  const auto before = golden("llama-rope-llama3-old-config");
  const auto after = golden("llama-rope-llama3");
  CHECK(before->spec.rope.inverse_frequency == after->spec.rope.inverse_frequency);
  CHECK(before->spec.max_position == after->spec.max_position);
  CHECK(before->spec.tied_embeddings == after->spec.tied_embeddings);
}

TEST_CASE("a model with a window shorter than its length is refused") {
  const auto model = load_golden("mistral-window");
  REQUIRE_FALSE(model.has_value());
  CHECK(model.error().code == ErrorCode::unsupported);
  CHECK(model.error().message.find("\"sliding_window\" (24)") != std::string::npos);
}

TEST_CASE("a directory without config.json is no model") {
  TemporaryDirectory directory;
  const auto model = load_model(directory.path());
  REQUIRE_FALSE(model.has_value());
  CHECK(model.error().code == ErrorCode::not_found);
  CHECK(model.error().message.find("config.json") != std::string::npos);
}

TEST_CASE("a config.json too large to be one is not read") {
  TemporaryDirectory directory;
  directory.write("config.json", "{" + std::string(2 << 20, ' ') + "}");
  const auto model = load_model(directory.path());
  REQUIRE_FALSE(model.has_value());
  CHECK(model.error().code == ErrorCode::invalid_model);
  CHECK(model.error().message.find("2097154 bytes") != std::string::npos);
}

TEST_CASE("a broken generation_config.json is not passed over") {
  TemporaryDirectory directory;
  directory.write("config.json", tiny_config());
  directory.write("model.safetensors", safetensors_file(tiny_llama()));
  REQUIRE(load_model(directory.path()).has_value());

  directory.write("generation_config.json", "{\"eos_token_id\": \"two\"}");

  const auto model = load_model(directory.path());
  REQUIRE_FALSE(model.has_value());
  CHECK(model.error().message.find("generation_config.json") != std::string::npos);
}

TEST_CASE("a loaded model keeps its files mapped when they are gone from the directory") {
  std::shared_ptr<const Model> model;
  {
    TemporaryDirectory directory;
    directory.write("config.json", tiny_config());
    directory.write("model.safetensors", safetensors_file(tiny_llama()));
    auto loaded = load_model(directory.path());
    REQUIRE(loaded.has_value());
    model = *loaded;
  }
  CHECK(std::to_integer<int>(model->weights.layers[1].down.data[191]) == 0x3c);
}

}  // namespace
}  // namespace troupe
