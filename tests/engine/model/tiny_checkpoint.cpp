#include "tests/engine/model/tiny_checkpoint.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>

namespace troupe {

TinyTensors tiny_llama() {
  TinyTensors tensors{{"model.embed_tokens.weight", {.shape = {16, 8}}},
                      {"model.norm.weight", {.shape = {8}}},
                      {"lm_head.weight", {.shape = {16, 8}}}};
  for (const auto* layer : {"model.layers.0.", "model.layers.1."}) {
    const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
      tensors.emplace(layer + name, TinyTensor{.shape = std::move(shape)});
    };
    add("input_layernorm.weight", {8});
    add("self_attn.q_proj.weight", {8, 8});
    add("self_attn.k_proj.weight", {4, 8});
    add("self_attn.v_proj.weight", {4, 8});
    add("self_attn.o_proj.weight", {8, 8});
    add("post_attention_layernorm.weight", {8});
    add("mlp.gate_proj.weight", {12, 8});
    add("mlp.up_proj.weight", {12, 8});
    add("mlp.down_proj.weight", {8, 12});
  }
  return tensors;
}

std::string tiny_config(const std::string& changes) {
  auto config = nlohmann::json::parse(R"({
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 12,
    "vocab_size": 16,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "tie_word_embeddings": false,
    "eos_token_id": 2
  })");
  config.merge_patch(nlohmann::json::parse(changes));
  return config.dump();
}

std::string safetensors_file(const std::string& header, const std::string& data) {
  std::string length;
  for (unsigned byte = 0; byte < 8; ++byte) {
    length += static_cast<char>(static_cast<std::uint64_t>(header.size()) >> (8U * byte) & 0xffU);
  }
  return length + header + data;
}

std::string safetensors_file(const TinyTensors& tensors) {
  auto header = nlohmann::json::object();
  std::size_t end = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto begin = end;
    std::size_t bytes = tensor.dtype == "F32" || tensor.dtype == "I32" ? 4 : 2;
    for (const auto size : tensor.shape) {
      bytes *= static_cast<std::size_t>(size);
    }
    end += bytes;
    header[name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
  }
  auto text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // as the format's own writer aligns the data
  return safetensors_file(text, std::string(end, '\x3c'));
}

}  // namespace troupe
