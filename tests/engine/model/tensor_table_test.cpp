#include "engine/model/tensor_table.h"

#include "tests/engine/model/tiny_checkpoint.h"

#include <doctest/doctest.h>

#include <utility>

namespace troupe {
namespace {

// Loads the tensors with the tiny configuration changed by `changes`.
Result<Model> place(const TinyTensors& tensors, const std::string& changes = "{}") {
  const auto config = parse_model_config(tiny_config(changes), "");
  REQUIRE_MESSAGE(config.has_value(), config.error().message);
  // The file's bytes live as long as the model that points into them.
  const auto bytes = std::make_shared<const std::string>(safetensors_file(tensors));
  auto parsed = parse_safetensors(std::as_bytes(std::span(*bytes)), "x.safetensors");
  REQUIRE_MESSAGE(parsed.has_value(), parsed.error().message);
  return place_tensors(*config, Checkpoint{.tensors = *std::move(parsed), .files = bytes});
}

Model placed(const TinyTensors& tensors, const std::string& changes = "{}") {
  auto model = place(tensors, changes);
  REQUIRE_MESSAGE(model.has_value(), model.error().message);
  return *std::move(model);
}

bool refused(const TinyTensors& tensors, const std::string& changes, const std::string& part) {
  const auto model = place(tensors, changes);
  REQUIRE_FALSE(model.has_value());
  const auto message = model.error().message;
  CAPTURE(message);
  CHECK(message.find(part) != std::string::npos);
  return message.find(part) != std::string::npos;
}

void add_to_layers(TinyTensors& tensors, const std::string& name, std::vector<std::int64_t> shape) {
  for (const auto* layer : {"model.layers.0.", "model.layers.1."}) {
    tensors[layer + name] = {.shape = shape};
  }
}

TEST_CASE("every tensor of a Llama finds its place") {
  const auto model = placed(tiny_llama());

  REQUIRE(model.weights.layers.size() == 2);
  CHECK(model.weights.embedding.shape == std::vector<std::int64_t>{16, 8});
  CHECK(model.weights.layers[1].down.shape == std::vector<std::int64_t>{8, 12});
  CHECK(model.weights.layers[1].k.shape == std::vector<std::int64_t>{4, 8});
  CHECK(model.weights.layers[0].q_bias.empty());
  CHECK(model.weights.files != nullptr);
  CHECK(model.spec.qk_norm == QkNorm::none);
  CHECK(model.spec.dtype == DType::bfloat16);
  CHECK_FALSE(model.spec.tied_embeddings);
}

TEST_CASE("each tensor that a Llama must have is missed by name") {
  for (const auto& [name, tensor] : tiny_llama()) {
    auto tensors = tiny_llama();
    tensors.erase(name);
    CHECK(refused(tensors, "{}", "tensor \"" + name + "\""));
  }
}

TEST_CASE("a wrong shape is shown beside the right one") {
  auto tensors = tiny_llama();
  tensors["model.layers.1.mlp.up_proj.weight"].shape = {11, 8};
  CHECK(refused(tensors, "{}",
                "x.safetensors: tensor \"model.layers.1.mlp.up_proj.weight\" has shape [11, 8], "
                "config.json makes it [12, 8]"));
  tensors = tiny_llama();
  tensors["model.norm.weight"].shape = {8, 1};
  CHECK(refused(tensors, "{}", "has shape [8, 1], config.json makes it [8]"));
  tensors["model.norm.weight"].shape = {};
  CHECK(refused(tensors, "{}", "has shape [], config.json makes it [8]"));
}

TEST_CASE("a tensor without a place is refused, unless it is a rotary buffer") {
  auto tensors = tiny_llama();
  tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {.dtype = "F32", .shape = {2}};
  placed(tensors);

  tensors["model.layers.0.mlp.experts.weight"] = {.shape = {4}};
  CHECK(refused(tensors, "{}",
                "tensor \"model.layers.0.mlp.experts.weight\" [4] has no place in a "
                "LlamaForCausalLM of 2 layers"));
}

TEST_CASE("layers beyond the configured ones are not silently left out") {
  CHECK(refused(tiny_llama(), R"({"num_hidden_layers": 1})",
                "tensor \"model.layers.1.input_layernorm.weight\""));
}

TEST_CASE("many layers in config.json cost nothing when the file has few") {
  CHECK(refused(tiny_llama(), R"({"num_hidden_layers": 1024})",
                "tensor \"model.layers.2.input_layernorm.weight\" [8] is missing"));
}

TEST_CASE("a bias is used where the checkpoint has one, in all layers or in none") {
  auto tensors = tiny_llama();
  add_to_layers(tensors, "self_attn.q_proj.bias", {8});
  add_to_layers(tensors, "self_attn.o_proj.bias", {8});
  add_to_layers(tensors, "mlp.down_proj.bias", {8});
  const auto model = placed(tensors);
  CHECK_FALSE(model.weights.layers[1].q_bias.empty());
  CHECK_FALSE(model.weights.layers[1].o_bias.empty());
  CHECK_FALSE(model.weights.layers[1].down_bias.empty());
  CHECK(model.weights.layers[1].up_bias.empty());

  auto first_only = tensors;
  first_only.erase("model.layers.1.mlp.down_proj.bias");
  CHECK(refused(first_only, "{}", "\"model.layers.1.mlp.down_proj.bias\" [8] is missing"));
  auto second_only = tensors;
  second_only.erase("model.layers.0.mlp.down_proj.bias");
  CHECK(refused(second_only, "{}", "\"model.layers.1.mlp.down_proj.bias\" [8] has no place"));
}

TEST_CASE("a Qwen2 must have its biases, and a Qwen3 its norms of q and k") {
  const std::string qwen2 = R"({"architectures": ["Qwen2ForCausalLM"]})";
  const std::string qwen3 = R"({"architectures": ["Qwen3ForCausalLM"]})";
  CHECK(refused(tiny_llama(), qwen2, "\"model.layers.0.self_attn.q_proj.bias\" [8] is missing"));
  CHECK(refused(tiny_llama(), qwen3, "\"model.layers.0.self_attn.q_norm.weight\" [4] is missing"));

  auto tensors = tiny_llama();
  add_to_layers(tensors, "self_attn.q_norm.weight", {4});
  CHECK(refused(tensors, "{}", "one of q_norm and k_norm"));
  add_to_layers(tensors, "self_attn.k_norm.weight", {4});
  CHECK(placed(tensors, qwen3).spec.qk_norm == QkNorm::per_head);
}

TEST_CASE("norms over the whole of q are refused: they are not per head") {
  auto tensors = tiny_llama();
  add_to_layers(tensors, "self_attn.q_norm.weight", {8});
  add_to_layers(tensors, "self_attn.k_norm.weight", {4});
  CHECK(refused(tensors, "{}", "has shape [8], config.json makes it [4]"));
}

TEST_CASE("a tied head is the embedding, whether or not the file stores it") {
  auto without = tiny_llama();
  without.erase("lm_head.weight");
  const auto tied = placed(without, R"({"tie_word_embeddings": true})");
  CHECK(tied.spec.tied_embeddings);
  CHECK(tied.weights.lm_head.data == tied.weights.embedding.data);
  CHECK(placed(without, R"({"tie_word_embeddings": null})").spec.tied_embeddings);
  CHECK(refused(without, "{}", "\"lm_head.weight\" [16, 8] is missing"));

  const auto stored = placed(tiny_llama(), R"({"tie_word_embeddings": true})");
  CHECK(stored.weights.lm_head.data == stored.weights.embedding.data);
  CHECK_FALSE(placed(tiny_llama(), R"({"tie_word_embeddings": null})").spec.tied_embeddings);
}

TEST_CASE("dtypes may be mixed among the three that are computed with, and no other") {
  auto tensors = tiny_llama();
  tensors["model.norm.weight"].dtype = "F32";
  tensors["lm_head.weight"].dtype = "F16";
  const auto model = placed(tensors);
  CHECK(model.weights.final_norm.dtype == DType::float32);
  CHECK(model.weights.lm_head.dtype == DType::float16);

  tensors["lm_head.weight"].dtype = "I32";
  CHECK(refused(tensors, "{}", "has dtype I32; supported: BF16, F16, F32"));
}

}  // namespace
}  // namespace troupe
