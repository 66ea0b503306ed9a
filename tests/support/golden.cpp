#include "tests/support/golden.h"

#include "engine/model/mapped_file.h"
#include "engine/model/safetensors.h"

#include "tests/support/residual_probe.h"
#include "tests/support/sequence_runner.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <utility>

namespace troupe::golden {
namespace {

constexpr double kMaxDistanceFloat32 = 2e-5;
constexpr double kFactorBfloat16 = 1.25;
constexpr double kSlackBfloat16 = 1e-3;  // for models whose recorded run is lucky
constexpr float kMarginFactor = 4.0F;
constexpr std::int32_t kNumPrompts = 3;

BackendDescription limits(std::int32_t vocab_size) {
  return {.device = {},
          .num_blocks = kNumBlocks,
          .block_size = kBlockSize,
          .bytes_per_block = 0,
          .max_num_seqs = kMaxNumSeqs,
          .max_num_batched_tokens = kMaxNumTokens,
          .vocab_size = vocab_size};
}

// What transformers recorded of one prompt in one arithmetic.
struct Recording {
  std::vector<float> logits;
  std::vector<float> residual;  // [layers + 1, residual_width]
  std::vector<TokenId> greedy;
  std::vector<float> margin;
};

struct Prompt {
  std::vector<TokenId> tokens;
  Recording float32;
  Recording bfloat16;
};

template <class T>
std::vector<T> read_values(const TensorMap& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  REQUIRE_MESSAGE(found != tensors.end(), name);
  REQUIRE(size_bytes(found->second.dtype) == sizeof(T));
  std::vector<T> values(found->second.data.size() / sizeof(T));
  std::memcpy(values.data(), found->second.data.data(), found->second.data.size());
  return values;
}

Recording read_recording(const TensorMap& tensors, const std::string& prefix) {
  return {.logits = read_values<float>(tensors, prefix + ".logits"),
          .residual = read_values<float>(tensors, prefix + ".residual"),
          .greedy = read_values<TokenId>(tensors, prefix + ".greedy"),
          .margin = read_values<float>(tensors, prefix + ".margin")};
}

std::vector<Prompt> read_prompts(const std::string& checkpoint) {
  const auto file = MappedFile::open(directory_of(checkpoint) + "/golden.safetensors");
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  const auto tensors = parse_safetensors((*file)->bytes(), "golden.safetensors");
  REQUIRE_MESSAGE(tensors.has_value(), tensors.error().message);
  std::vector<Prompt> prompts;
  for (std::int32_t i = 0; i < kNumPrompts; ++i) {
    const auto prefix = "prompt." + std::to_string(i);
    prompts.push_back({.tokens = read_values<TokenId>(*tensors, prefix + ".tokens"),
                       .float32 = read_recording(*tensors, prefix + ".f32"),
                       .bfloat16 = read_recording(*tensors, prefix + ".bf16")});
  }
  return prompts;
}

std::shared_ptr<const Model> load(const std::string& directory) {
  auto model = load_model(directory);
  REQUIRE_MESSAGE(model.has_value(), model.error().message);
  return *model;
}

// |a - b| / |b|.
double distance(std::span<const float> a, std::span<const float> b) {
  double difference = 0.0;
  double length = 0.0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    length += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / length);
}

float largest_error(std::span<const float> a, std::span<const float> b) {
  float largest = 0.0F;
  for (std::size_t i = 0; i < b.size(); ++i) {
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

std::int32_t length(const std::vector<TokenId>& tokens) {
  return static_cast<std::int32_t>(tokens.size());
}

// The logits after `tokens`, computed in steps of at most `chunk`.
std::vector<float> run(HostOperations& operations,
                       const Model& model,
                       const std::vector<TokenId>& tokens,
                       std::int32_t chunk) {
  SequenceRunner runner(operations, model, limits(model.spec.vocab_size));
  runner.start(0, tokens, length(tokens));
  for (std::int32_t done = 0; done < length(tokens); done += chunk) {
    runner.add(0, std::min(chunk, length(tokens) - done));
    runner.step();
  }
  return runner.logits(0);
}

// "embedding 1e-7, layer 1 2e-7, …": where the first large figure stands, the error was made.
std::string bisect(const Device& device,
                   const std::shared_ptr<const Model>& model,
                   const Prompt& prompt) {
  if (!device.residual_row) {
    return "the device does not show its residual stream";
  }
  const auto operations = device.make_operations(model);
  ResidualProbe probe(*operations, device.residual_row, length(prompt.tokens) - 1);
  run(probe, *model, prompt.tokens, kMaxNumTokens);
  const auto& recorded = prompt.float32.residual;
  const auto width = recorded.size() / probe.rows().size();
  std::string text;
  for (std::size_t row = 0; row < probe.rows().size(); ++row) {
    const auto off = distance(std::span(probe.rows()[row]).first(width),
                              std::span(recorded).subspan(row * width, width));
    text +=
        (row == 0 ? "residual stream off by: embedding " : ", layer " + std::to_string(row) + " ") +
        std::to_string(off);
  }
  return text;
}

double allowed_distance(const Prompt& prompt, Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::float32) {
    return kMaxDistanceFloat32;
  }
  const auto recorded = distance(prompt.bfloat16.logits, prompt.float32.logits);
  return kFactorBfloat16 * recorded + kSlackBfloat16;
}

// How many of the first tokens must be right, given the error of a logit.
std::size_t num_decided(const std::vector<float>& margin, float error) {
  const auto undecided = std::find_if(
      margin.begin(), margin.end(), [error](float value) { return value < kMarginFactor * error; });
  return static_cast<std::size_t>(undecided - margin.begin());
}

std::shared_ptr<const StepPlan> first_plan(const std::vector<TokenId>& prompt,
                                           std::int32_t num_tokens) {
  auto start = std::make_shared<SequenceStart>();
  start->tokens = prompt;
  start->num_prompt_tokens = length(prompt);
  start->sampling.temperature = 0.0F;
  auto plan = std::make_shared<StepPlan>();
  plan->seats_taken.push_back({.seat = 1, .start = std::move(start)});
  TableGrowth growth{.seat = 1, .blocks = {}};
  for (std::int32_t begin = 0; begin < num_tokens; begin += kBlockSize) {
    growth.blocks.push_back(BlockId{begin / kBlockSize});
  }
  plan->table_growth.push_back(std::move(growth));
  plan->rows.push_back({.seat = 1, .begin = 0, .end = length(prompt), .samples = true});
  return plan;
}

// Greedy tokens through the whole backend, one in flight at a time.
std::vector<TokenId> greedy(Backend& backend,
                            const std::vector<TokenId>& prompt,
                            std::size_t num_tokens) {
  std::vector<TokenId> tokens;
  auto plan = first_plan(prompt, length(prompt) + static_cast<std::int32_t>(num_tokens));
  while (tokens.size() < num_tokens) {
    REQUIRE(backend.enqueue(plan).has_value());
    const auto result = backend.wait();
    REQUIRE_MESSAGE(result.has_value(), result.error().message);
    REQUIRE(result->tokens.size() == 1);
    const auto& sampled = result->tokens.front();
    tokens.push_back(sampled.token);
    auto next = std::make_shared<StepPlan>();
    next->rows.push_back(
        {.seat = 1, .begin = sampled.position, .end = sampled.position + 1, .samples = true});
    plan = std::move(next);
  }
  return tokens;
}

void check_greedy(Backend& backend,
                  const std::vector<TokenId>& prompt,
                  const std::vector<TokenId>& expected,
                  std::size_t num_checked) {
  const auto found = greedy(backend, prompt, num_checked);
  const auto [wrong, right] =
      std::mismatch(found.begin(), found.end(), expected.begin(), expected.end());
  if (wrong != found.end()) {
    FAIL_CHECK("greedy token " << wrong - found.begin() << " is " << *wrong << ", recorded is "
                               << *right);
  }
}

void check_prompt(const Device& device,
                  const std::shared_ptr<const Model>& model,
                  const Prompt& prompt,
                  Arithmetic arithmetic) {
  const auto operations = device.make_operations(model);
  const auto found = run(*operations, *model, prompt.tokens, kMaxNumTokens);
  const auto allowed = allowed_distance(prompt, arithmetic);
  const auto off = distance(found, prompt.float32.logits);
  if (!(off <= allowed)) {
    FAIL_CHECK("logits off by " << off << ", allowed " << allowed << "; "
                                << bisect(device, model, prompt));
  }
  const auto error = largest_error(found, prompt.float32.logits);
  const auto backend = device.make_backend(model);
  check_greedy(*backend, prompt.tokens, prompt.float32.greedy,
               arithmetic == Arithmetic::float32 ? prompt.float32.greedy.size()
                                                 : num_decided(prompt.float32.margin, error));
}

}  // namespace

std::vector<std::string> checkpoints() {
  return {"llama",
          "llama-rope-linear",
          "llama-rope-llama3",
          "llama-rope-llama3-old-config",
          "mistral",
          "qwen2",
          "qwen3",
          "qwen3-rope-yarn"};
}

std::string directory_of(const std::string& checkpoint) {
  return std::string(TROUPE_SOURCE_DIR) + "/tests/data/golden/" + checkpoint;
}

void check_recordings(const std::string& checkpoint, const Device& device, Arithmetic arithmetic) {
  const auto model = load(directory_of(checkpoint));
  for (const auto& prompt : read_prompts(checkpoint)) {
    CAPTURE(checkpoint);
    CAPTURE(prompt.tokens.size());
    check_prompt(device, model, prompt, arithmetic);
  }
}

void check_batch_invariance(const std::string& checkpoint, const Device& device) {
  CAPTURE(checkpoint);
  const auto model = load(directory_of(checkpoint));
  const auto prompts = read_prompts(checkpoint);
  const auto& tokens = prompts.back().tokens;
  const auto alone = device.make_operations(model);
  const auto expected = run(*alone, *model, tokens, length(tokens));

  for (const auto chunk : {1, 7, 16, 33}) {
    CAPTURE(chunk);
    const auto operations = device.make_operations(model);
    CHECK(run(*operations, *model, tokens, chunk) == expected);
  }

  const auto operations = device.make_operations(model);
  SequenceRunner runner(*operations, *model, limits(model->spec.vocab_size));
  const auto& neighbour = prompts[1].tokens;
  runner.start(2, neighbour, length(neighbour));
  runner.start(0, tokens, length(tokens));
  runner.add(2, 5);
  runner.add(0, 40);
  runner.step();
  runner.add(2, length(neighbour) - 5);
  runner.add(0, length(tokens) - 40);
  runner.step();
  REQUIRE(runner.batch().num_samples() == 2);
  CHECK(runner.logits(1) == expected);
}

void check_demo(const Device& device, Arithmetic arithmetic, std::size_t num_conversations) {
  // What may be wrong in a logit of this model, whose logits reach 30.
  const auto error = arithmetic == Arithmetic::float32 ? 1e-4F : 0.1F;
  const auto model = load(std::string(TROUPE_SOURCE_DIR) + "/models/demo");
  std::ifstream file(directory_of("demo") + "/greedy.json");
  const auto recorded = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  REQUIRE(recorded.contains("cases"));
  const auto& cases = recorded["cases"];
  REQUIRE(cases.size() >= num_conversations);
  const auto backend = device.make_backend(model);
  for (std::size_t i = 0; i < num_conversations; ++i) {
    CAPTURE(i);
    check_greedy(*backend, cases[i]["prompt"].get<std::vector<TokenId>>(),
                 cases[i]["f32"].get<std::vector<TokenId>>(),
                 num_decided(cases[i]["margin"].get<std::vector<float>>(), error));
  }
}

}  // namespace troupe::golden
