// Weights are N(0, 1 / inputs), so that activations keep their size through the layers.
#include "cli/random_checkpoint.h"

#include "engine/base/random.h"
#include "kernels/cpu/bfloat16.h"
#include "transport/json_writer.h"

#include <array>
#include <bit>
#include <cmath>
#include <fstream>
#include <system_error>
#include <utility>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

constexpr std::array<CheckpointShape, 3> kShapes = {{
    {.name = "smollm2-135m",
     .hidden_size = 576,
     .num_layers = 30,
     .num_heads = 9,
     .num_kv_heads = 3,
     .head_size = 64,
     .intermediate_size = 1536,
     .vocab_size = 49152,
     .max_position = 8192,
     .rope_theta = 100000.0,
     .tied_embeddings = true},
    {.name = "smollm2-360m",
     .hidden_size = 960,
     .num_layers = 32,
     .num_heads = 15,
     .num_kv_heads = 5,
     .head_size = 64,
     .intermediate_size = 2560,
     .vocab_size = 49152,
     .max_position = 8192,
     .rope_theta = 100000.0,
     .tied_embeddings = true},
    // The real one was trained on 2,048 tokens; here there is room for an answer behind as many.
    {.name = "tinyllama-1.1b",
     .hidden_size = 2048,
     .num_layers = 22,
     .num_heads = 32,
     .num_kv_heads = 4,
     .head_size = 64,
     .intermediate_size = 5632,
     .vocab_size = 32000,
     .max_position = 4096},
}};

struct Tensor {
  std::string name;
  std::vector<std::int64_t> shape;

  [[nodiscard]] std::int64_t count() const {
    std::int64_t count = 1;
    for (const auto extent : shape) {
      count *= extent;
    }
    return count;
  }

  [[nodiscard]] std::int64_t num_bytes() const {
    return count() * static_cast<std::int64_t>(sizeof(cpu::Bf16));
  }
};

std::vector<Tensor> tensors_of(const CheckpointShape& shape) {
  const std::int64_t hidden = shape.hidden_size;
  const std::int64_t intermediate = shape.intermediate_size;
  const auto query = std::int64_t{shape.num_heads} * shape.head_size;
  const auto key = std::int64_t{shape.num_kv_heads} * shape.head_size;
  std::vector<Tensor> tensors = {{"model.embed_tokens.weight", {shape.vocab_size, hidden}}};
  for (std::int32_t i = 0; i < shape.num_layers; ++i) {
    const auto layer = "model.layers." + std::to_string(i) + ".";
    tensors.push_back({layer + "input_layernorm.weight", {hidden}});
    tensors.push_back({layer + "self_attn.q_proj.weight", {query, hidden}});
    tensors.push_back({layer + "self_attn.k_proj.weight", {key, hidden}});
    tensors.push_back({layer + "self_attn.v_proj.weight", {key, hidden}});
    tensors.push_back({layer + "self_attn.o_proj.weight", {hidden, query}});
    tensors.push_back({layer + "post_attention_layernorm.weight", {hidden}});
    tensors.push_back({layer + "mlp.gate_proj.weight", {intermediate, hidden}});
    tensors.push_back({layer + "mlp.up_proj.weight", {intermediate, hidden}});
    tensors.push_back({layer + "mlp.down_proj.weight", {hidden, intermediate}});
  }
  tensors.push_back({"model.norm.weight", {hidden}});
  if (!shape.tied_embeddings) {
    tensors.push_back({"lm_head.weight", {shape.vocab_size, hidden}});
  }
  return tensors;
}

std::string config_text(const CheckpointShape& shape) {
  std::string text;
  transport::JsonWriter json(text);
  json.begin_object().key("architectures").begin_array().value("LlamaForCausalLM").end_array();
  json.member("model_type", "llama")
      .member("hidden_act", "silu")
      .member("hidden_size", shape.hidden_size)
      .member("num_hidden_layers", shape.num_layers)
      .member("num_attention_heads", shape.num_heads)
      .member("num_key_value_heads", shape.num_kv_heads)
      .member("head_dim", shape.head_size)
      .member("intermediate_size", shape.intermediate_size)
      .member("vocab_size", shape.vocab_size)
      .member("max_position_embeddings", shape.max_position)
      .member("rms_norm_eps", 1e-5)
      .member("rope_theta", shape.rope_theta)
      .member("tie_word_embeddings", shape.tied_embeddings)
      .member("torch_dtype", "bfloat16")
      .member("bos_token_id", 1)
      .member("eos_token_id", 2)
      .end_object();
  return text + "\n";
}

std::string header_text(const std::vector<Tensor>& tensors) {
  std::string text;
  transport::JsonWriter json(text);
  json.begin_object();
  std::int64_t begin = 0;
  for (const auto& tensor : tensors) {
    json.key(tensor.name).begin_object().member("dtype", "BF16").key("shape").begin_array();
    for (const auto extent : tensor.shape) {
      json.value(extent);
    }
    json.end_array().key("data_offsets").begin_array();
    json.value(begin).value(begin + tensor.num_bytes()).end_array().end_object();
    begin += tensor.num_bytes();
  }
  json.end_object();
  constexpr std::size_t kAlignment = 8;
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  return text;
}

/// The sum of four uniform numbers: near enough to a normal one of deviation 1, and quick.
float normal(std::uint64_t bits) {
  std::int32_t sum = 0;
  for (unsigned part = 0; part < 4; ++part) {
    sum += static_cast<std::int32_t>((bits >> (16U * part)) & 0xffffU) - 32768;
  }
  return static_cast<float>(sum) / 37837.0F;
}

void write_values(std::ofstream& file, const Tensor& tensor, std::uint64_t seed) {
  constexpr std::int64_t kBufferElements = 1 << 18;
  const bool is_norm = tensor.shape.size() == 1;
  const float mean = is_norm ? 1.0F : 0.0F;
  const float deviation =
      is_norm ? 0.1F : 1.0F / std::sqrt(static_cast<float>(tensor.shape.back()));
  std::vector<cpu::Bf16> buffer;
  for (std::int64_t done = 0; done < tensor.count(); done += kBufferElements) {
    const auto end = std::min(done + kBufferElements, tensor.count());
    buffer.clear();
    for (auto i = done; i < end; ++i) {
      const auto bits = random_bits(seed, static_cast<std::uint64_t>(i));
      buffer.push_back(cpu::narrow(mean + deviation * normal(bits)));
    }
    file.write(reinterpret_cast<const char*>(buffer.data()),
               static_cast<std::streamsize>(buffer.size() * sizeof(cpu::Bf16)));
  }
}

Result<std::int64_t> write_weights(const std::vector<Tensor>& tensors, const fs::path& path) {
  const auto header = header_text(tensors);
  const std::uint64_t length = header.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << header;
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < tensors.size() && file; ++i) {
    write_values(file, tensors[i], i);
    bytes += tensors[i].num_bytes();
  }
  if (!file.flush()) {
    return fail(ErrorCode::io, "cannot write " + path.string());
  }
  return bytes;
}

Result<void> copy_tokenizer(const fs::path& from, const fs::path& to) {
  for (const auto* name : {"tokenizer.json", "tokenizer_config.json"}) {
    std::error_code problem;
    fs::copy_file(from / name, to / name, fs::copy_options::overwrite_existing, problem);
    if (problem) {
      return fail(ErrorCode::io, "cannot copy " + (from / name).string() + " to " + to.string() +
                                     ": " + problem.message());
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> checkpoint_shape_names() {
  std::vector<std::string> names;
  for (const auto& shape : kShapes) {
    names.emplace_back(shape.name);
  }
  return names;
}

Result<CheckpointShape> find_checkpoint_shape(const std::string& name) {
  std::string known;
  for (const auto& shape : kShapes) {
    if (shape.name == name) {
      return shape;
    }
    known += (known.empty() ? "" : ", ") + std::string(shape.name);
  }
  return fail(ErrorCode::invalid_value, "there is no shape '" + name + "'; known are " + known,
              "--shape");
}

Result<std::int64_t> write_random_checkpoint(const CheckpointShape& shape,
                                             const fs::path& directory,
                                             const fs::path& tokenizer_from) {
  std::error_code problem;
  const auto config = directory / "config.json";
  if (fs::exists(config, problem)) {
    return fail(ErrorCode::invalid_value, directory.string() + " holds a model already");
  }
  fs::create_directories(directory, problem);
  if (problem) {
    return fail(ErrorCode::io, "cannot make " + directory.string() + ": " + problem.message());
  }
  if (auto copied = copy_tokenizer(tokenizer_from, directory); !copied) {
    return pass(std::move(copied));
  }
  auto bytes = write_weights(tensors_of(shape), directory / "model.safetensors");
  if (!bytes) {
    return bytes;
  }
  // Last, so that a directory that was begun and not finished is no model.
  std::ofstream file(config);
  file << config_text(shape);
  if (!file.flush()) {
    return fail(ErrorCode::io, "cannot write " + config.string());
  }
  return bytes;
}

}  // namespace troupe::cli
