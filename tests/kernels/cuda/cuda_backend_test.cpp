// The CUDA backend as a worker sees it.
#include "kernels/cuda/cuda_backend.h"

#include "kernels/cuda/cuda_model.h"

#include "tests/kernels/cuda/device_array.h"
#include "tests/kernels/cuda/small_spec.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

namespace troupe {
namespace {

using cuda::require;

CudaOptions small_options() {
  return {.num_blocks = 512, .max_num_seqs = 16, .max_num_batched_tokens = 512};
}

std::unique_ptr<Backend> small_backend() {
  const auto model = require(cuda::make_random_model(small_spec(), 0, 5));
  return require(make_cuda_backend(model, small_options()));
}

struct Request {
  std::vector<TokenId> prompt;
  SamplingParams sampling;
  std::int32_t num_tokens = 0;  // to generate
};

Request random_request(std::uint32_t seed) {
  std::mt19937 random(seed);
  Request request;
  const auto length = random() % 300 + 1;
  for (unsigned token = 0; token < length; ++token) {
    request.prompt.push_back(static_cast<TokenId>(random() % 1000));
  }
  request.sampling.seed = seed;
  request.sampling.temperature = seed % 3 == 0 ? 0.0F : 1.0F;
  request.sampling.top_p = seed % 4 == 0 ? 0.9F : 1.0F;
  request.sampling.repetition_penalty = seed % 5 == 0 ? 1.3F : 1.0F;
  request.sampling.frequency_penalty = seed % 5 == 1 ? 0.5F : 0.0F;
  request.num_tokens = static_cast<std::int32_t>(random() % 20 + 1);
  return request;
}

// A scheduler and memory manager of a few lines: seats are never reused, blocks never returned.
class Driver {
 public:
  Driver(Backend& backend, std::int32_t chunk) : backend_(backend), chunk_(chunk) {}

  void start(const Request& request) {
    const auto seat = static_cast<std::int32_t>(running_.size());
    auto start = std::make_shared<SequenceStart>();
    start->sequence.value = static_cast<std::uint64_t>(seat);
    start->tokens = request.prompt;
    start->num_prompt_tokens = start->num_tokens();
    start->sampling = request.sampling;
    running_.push_back({.start = start,
                        .total = start->num_tokens() + request.num_tokens,
                        .known = start->num_tokens()});
    plan_.seats_taken.push_back({seat, start});
    TableGrowth growth{seat, {}};
    for (std::int32_t token = 0; token < running_.back().total; token += 16) {
      growth.blocks.push_back(BlockId{next_block_++});
    }
    plan_.table_growth.push_back(growth);
  }

  // Hands over the next step of everybody who has one. False: nobody has.
  bool enqueue() {
    std::int32_t budget = chunk_;
    for (std::size_t seat = 0; seat < running_.size(); ++seat) {
      auto& sequence = running_[seat];
      const auto count = std::min(budget, sequence.known - sequence.computed);
      if (count <= 0 || sequence.computed >= sequence.total - 1) {
        continue;
      }
      const auto end = sequence.computed + count;
      const bool samples = end == sequence.known;
      plan_.rows.push_back({static_cast<std::int32_t>(seat), sequence.computed, end, samples});
      sequence.computed = end;
      sequence.known += samples ? 1 : 0;
      budget -= count;
    }
    if (plan_.rows.empty()) {
      return false;
    }
    ++plan_.step.value;
    require(backend_.enqueue(std::make_shared<const StepPlan>(plan_)));
    plan_.seats_taken.clear();
    plan_.table_growth.clear();
    plan_.rows.clear();
    return true;
  }

  void wait() {
    const auto result = require(backend_.wait());
    for (const auto& sampled : result.tokens) {
      auto& tokens = tokens_[sampled.sequence.value];
      const auto& sequence = running_[sampled.sequence.value];
      CHECK(sampled.position ==
            sequence.start->num_tokens() + static_cast<std::int32_t>(tokens.size()));
      tokens.push_back(sampled.token);
    }
  }

  // Runs to the end with `depth` steps in flight.
  void run(std::int32_t depth) {
    std::int32_t pending = 0;
    while (true) {
      const bool more = enqueue();
      pending += more ? 1 : 0;
      if (pending == 0) {
        return;
      }
      if (pending == depth || !more) {
        wait();
        --pending;
      }
    }
  }

  [[nodiscard]] std::vector<TokenId> tokens(std::uint64_t sequence) { return tokens_[sequence]; }

 private:
  struct Sequence {
    std::shared_ptr<const SequenceStart> start;
    std::int32_t total = 0;
    std::int32_t known = 0;
    std::int32_t computed = 0;
  };

  Backend& backend_;
  std::int32_t chunk_;
  std::vector<Sequence> running_;
  StepPlan plan_;
  std::int32_t next_block_ = 0;
  std::map<std::uint64_t, std::vector<TokenId>> tokens_;
};

}  // namespace

TEST_CASE(
    "on CUDA a request's tokens are the same alone, in company, in chunks and ahead of the host") {
  const auto backend = small_backend();
  std::vector<std::vector<TokenId>> alone;
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    const auto request = random_request(seed);
    require(backend->begin_ring({}));
    Driver driver(*backend, 512);
    driver.start(request);
    driver.run(1);
    alone.push_back(driver.tokens(0));
    CHECK(static_cast<std::int32_t>(alone.back().size()) == request.num_tokens);
  }

  for (const std::int32_t chunk : {512, 100, 17}) {
    for (const std::int32_t depth : {1, 2}) {
      CAPTURE(chunk);
      CAPTURE(depth);
      require(backend->begin_ring({}));
      Driver driver(*backend, chunk);
      for (std::uint32_t seed = 0; seed < 12; ++seed) {
        driver.start(random_request(seed));
      }
      driver.run(depth);
      for (std::uint32_t seed = 0; seed < 12; ++seed) {
        CAPTURE(seed);
        CHECK(driver.tokens(seed) == alone[seed]);
      }
    }
  }
}

TEST_CASE("a CUDA backend describes itself and takes two plans at a time") {
  const auto backend = small_backend();
  const auto& description = backend->description();
  CHECK(description.num_blocks == 512);
  CHECK(description.block_size == 16);
  CHECK(description.max_num_seqs == 16);
  CHECK(description.vocab_size == 1000);
  CHECK(description.bytes_per_block == std::int64_t{3} * 2 * 2 * 16 * 64 * 2);
  CHECK(description.device.find("cuda:0") == 0);
  CHECK(backend->capacity() == 2);
}

TEST_CASE("a CUDA backend takes the memory that is left, and says so when that is too little") {
  const auto model = require(cuda::make_random_model(small_spec(), 0, 5));
  auto options = small_options();
  options.num_blocks.reset();
  options.gpu_memory_utilization = 0.5F;
  const auto backend = require(make_cuda_backend(model, options));
  CHECK(backend->description().num_blocks > 10'000);

  options.gpu_memory_utilization = 0.0001F;
  const auto refused = make_cuda_backend(model, options);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == ErrorCode::resource_exhausted);
  CHECK(refused.error().message.find("max_model_len") != std::string::npos);
}

TEST_CASE("a CUDA backend refuses options and models that it cannot serve") {
  const auto model = require(cuda::make_random_model(small_spec(), 0, 5));
  auto options = small_options();
  options.block_size = 32;
  const auto block_size = make_cuda_backend(model, options);
  REQUIRE(!block_size.has_value());
  CHECK(block_size.error().code == ErrorCode::invalid_value);
  CHECK(block_size.error().param == "block_size");

  auto spec = small_spec();
  spec.head_size = 80;
  const auto head_size = cuda::make_random_model(spec, 0, 5);
  REQUIRE(!head_size.has_value());
  CHECK(head_size.error().code == ErrorCode::unsupported);

  options = small_options();
  options.device_index = 99;
  const auto device = make_cuda_model(std::make_shared<const Model>(), options);
  REQUIRE(!device.has_value());
  CHECK(device.error().param == "device_index");
}

}  // namespace troupe
