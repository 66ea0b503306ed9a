// The CPU behind the port: options, refusals, and plans from the first to the last.
#include "kernels/cpu/cpu_backend.h"

#include "tests/kernels/cpu/random_model.h"

#include <doctest/doctest.h>

#include <string>

namespace troupe {
namespace {

const test::RandomShape kShape = {.hidden_size = 64,
                                  .num_layers = 2,
                                  .num_heads = 4,
                                  .num_kv_heads = 2,
                                  .head_size = 16,
                                  .intermediate_size = 96,
                                  .vocab_size = 200,
                                  .max_position = 128};

CpuOptions small_options() {
  return {.threads = 2, .num_blocks = 8, .max_num_seqs = 2, .max_num_batched_tokens = 64};
}

std::shared_ptr<const CpuModel> small_model() {
  return *make_cpu_model(test::random_model(kShape, {}), small_options());
}

std::shared_ptr<const SequenceStart> start_of(std::vector<TokenId> tokens) {
  auto start = std::make_shared<SequenceStart>();
  start->sequence = SequenceId{1};
  start->tokens = std::move(tokens);
  start->num_prompt_tokens = start->num_tokens();
  start->sampling.temperature = 0.0F;
  start->sampling.seed = 1;
  return start;
}

/// The prompt in one step, then one token a step, greedily.
std::vector<TokenId> generate(Backend& backend,
                              const std::vector<TokenId>& prompt,
                              std::int32_t num_steps) {
  auto position = static_cast<std::int32_t>(prompt.size());
  std::vector<TokenId> generated;
  for (std::int32_t i = 0; i < num_steps; ++i) {
    auto plan = std::make_shared<StepPlan>();
    plan->step = StepNumber{static_cast<std::uint64_t>(i) + 1};
    if (i == 0) {
      plan->seats_taken.push_back({.seat = 1, .start = start_of(prompt)});
      plan->table_growth.push_back({.seat = 1, .blocks = {BlockId{5}, BlockId{2}, BlockId{7}}});
      plan->rows.push_back({.seat = 1, .begin = 0, .end = position, .samples = true});
    } else {
      plan->rows.push_back({.seat = 1, .begin = position, .end = position + 1, .samples = true});
      ++position;
    }
    REQUIRE(backend.enqueue(plan));
    const auto result = backend.wait();
    REQUIRE(result);
    REQUIRE(result->tokens.size() == 1);
    generated.push_back(result->tokens[0].token);
  }
  return generated;
}

TEST_CASE("the CPU says what it is") {
  const auto backend = make_cpu_backend(small_model(), small_options());

  REQUIRE(backend);
  const auto& description = (*backend)->description();
  CHECK(description.device ==
        "cpu (2 threads, " + std::string(to_string(available_cpu_paths().back())) + ")");
  CHECK(description.num_blocks == 8);
  CHECK(description.block_size == 16);
  CHECK(description.bytes_per_block == 2 * 2 * 2 * 16 * 16 * 2);  // layers, k/v, heads, slots, D
  CHECK(description.max_num_seqs == 2);
  CHECK(description.vocab_size == 200);
}

TEST_CASE("a lost backend's successor, with the same weights, says the same tokens") {
  const auto model = small_model();
  const std::vector<TokenId> prompt = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3};
  auto first = make_cpu_backend(model, small_options());
  const auto expected = generate(**first, prompt, 20);
  first->reset();

  for (const auto path : available_cpu_paths()) {
    CAPTURE(std::string(to_string(path)));
    auto options = small_options();
    options.path = path;
    options.threads = 1;
    auto next = make_cpu_backend(model, options);
    CHECK(generate(**next, prompt, 20) == expected);
  }
}

TEST_CASE("the cache is as large as its bytes allow when no number of blocks is given") {
  const auto model = small_model();
  auto options = small_options();
  options.num_blocks = 0;
  options.kv_cache_bytes = 3 * 4096 + 4095;

  const auto backend = make_cpu_backend(model, options);

  CHECK((*backend)->description().num_blocks == 3);
}

void check_refusal(const CpuOptions& options, ErrorCode code, const std::string& part) {
  static const auto kModel = small_model();
  const auto refused = make_cpu_backend(kModel, options);
  CAPTURE(part);
  REQUIRE(!refused);
  CHECK(refused.error().code == code);
  CHECK(refused.error().message.find(part) != std::string::npos);
}

TEST_CASE("an option outside its range is refused with its value") {
  auto options = small_options();
  options.threads = -1;
  check_refusal(options, ErrorCode::invalid_value, "threads is -1");
  options = small_options();
  options.threads = 1025;
  check_refusal(options, ErrorCode::invalid_value, "threads is 1025");
  options = small_options();
  options.block_size = 24;
  check_refusal(options, ErrorCode::invalid_value, "block_size is 24");
  options = small_options();
  options.num_blocks = -4;
  check_refusal(options, ErrorCode::invalid_value, "num_blocks is -4");
  options = small_options();
  options.max_num_seqs = 0;
  check_refusal(options, ErrorCode::invalid_value, "max_num_seqs is 0");
  options = small_options();
  options.max_num_batched_tokens = -7;
  check_refusal(options, ErrorCode::invalid_value, "max_num_batched_tokens is -7");
  options = small_options();
  options.num_blocks = 0;
  options.kv_cache_bytes = 4095;
  check_refusal(options, ErrorCode::invalid_value, "one block of this model takes 4096");
}

TEST_CASE("a cache larger than the machine's memory is refused with both sizes") {
  auto options = small_options();
  options.num_blocks = 1 << 30;
  check_refusal(options, ErrorCode::resource_exhausted, "4398046511104 bytes");
}

}  // namespace
}  // namespace troupe
