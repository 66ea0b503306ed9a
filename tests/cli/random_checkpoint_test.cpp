#include "cli/random_checkpoint.h"

#include "cli/model_directory.h"
#include "engine/model/weights.h"

#include "tests/support/temporary_directory.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <fstream>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

constexpr CheckpointShape kTiny = {.name = "tiny",
                                   .hidden_size = 48,
                                   .num_layers = 2,
                                   .num_heads = 4,
                                   .num_kv_heads = 2,
                                   .head_size = 16,
                                   .intermediate_size = 80,
                                   .vocab_size = 2048,
                                   .max_position = 256};

float widened(const TensorView& tensor, std::int64_t index) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, tensor.data + 2 * index, sizeof bits);
  const auto wide = static_cast<std::uint32_t>(bits) << 16U;
  float value = 0.0F;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

TEST_CASE("a random checkpoint loads as the model that was asked for") {
  const TemporaryDirectory directory;

  const auto bytes = write_random_checkpoint(kTiny, directory.path(), find_model("demo").value());

  REQUIRE(bytes);
  const auto model = load_model(directory.path());
  REQUIRE(model);
  const auto& spec = (*model)->spec;
  CHECK(spec.hidden_size == kTiny.hidden_size);
  CHECK(spec.num_layers == kTiny.num_layers);
  CHECK(spec.num_heads == kTiny.num_heads);
  CHECK(spec.num_kv_heads == kTiny.num_kv_heads);
  CHECK(spec.head_size == kTiny.head_size);
  CHECK(spec.vocab_size == kTiny.vocab_size);
  CHECK(spec.max_position == kTiny.max_position);
  CHECK_FALSE(spec.tied_embeddings);
  CHECK(spec.dtype == DType::bfloat16);
  CHECK(*bytes > 2 * 2 * std::int64_t{kTiny.vocab_size} * kTiny.hidden_size);
}

TEST_CASE("a random matrix keeps the size of what passes through it") {
  const TemporaryDirectory directory;
  REQUIRE(write_random_checkpoint(kTiny, directory.path(), find_model("demo").value()));
  const auto model = load_model(directory.path());
  REQUIRE(model);
  const auto& down = (*model)->weights.layers[1].down;
  double sum = 0.0;
  double squares = 0.0;
  const std::int64_t count = std::int64_t{kTiny.hidden_size} * kTiny.intermediate_size;

  for (std::int64_t i = 0; i < count; ++i) {
    const double value = widened(down, i);
    sum += value;
    squares += value * value;
  }

  CHECK(std::abs(sum / static_cast<double>(count)) < 0.01);
  CHECK(squares / kTiny.hidden_size == doctest::Approx(1.0).epsilon(0.1));
}

TEST_CASE("two checkpoints of one shape are the same bytes") {
  const TemporaryDirectory directory;
  const auto tokenizer = find_model("demo").value();
  const auto read = [&](const char* name) {
    std::ifstream file(directory.path() / name / "model.safetensors", std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };

  REQUIRE(write_random_checkpoint(kTiny, directory.path() / "a", tokenizer));
  REQUIRE(write_random_checkpoint(kTiny, directory.path() / "b", tokenizer));

  CHECK(!read("a").empty());
  CHECK(read("a") == read("b"));
}

TEST_CASE("a directory that holds a model is left alone") {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() / "config.json") << "{}";

  const auto refused = write_random_checkpoint(kTiny, directory.path(), find_model("demo").value());

  REQUIRE(!refused);
  CHECK(refused.error().code == ErrorCode::invalid_value);
  CHECK_FALSE(fs::exists(directory.path() / "model.safetensors"));
}

TEST_CASE("a directory that cannot be made is an error, and so is a tokenizer that is not there") {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() / "file") << "x";

  const auto below_file =
      write_random_checkpoint(kTiny, directory.path() / "file" / "x", find_model("demo").value());
  const auto no_tokenizer =
      write_random_checkpoint(kTiny, directory.path() / "model", directory.path() / "nowhere");

  REQUIRE(!below_file);
  CHECK(below_file.error().code == ErrorCode::io);
  REQUIRE(!no_tokenizer);
  CHECK(no_tokenizer.error().code == ErrorCode::io);
}

TEST_CASE("a shape has a name, and an unknown one is answered with those that are known") {
  for (const auto& name : checkpoint_shape_names()) {
    CAPTURE(name);
    CHECK(find_checkpoint_shape(name).value().name == name);
  }
  const auto unknown = find_checkpoint_shape("gpt-5");
  REQUIRE(!unknown);
  CHECK(unknown.error().code == ErrorCode::invalid_value);
  CHECK(unknown.error().message.find("tinyllama-1.1b") != std::string::npos);
}

}  // namespace
}  // namespace troupe::cli
