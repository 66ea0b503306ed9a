// Blocks of the CUDA cache on their way to the host, back, and about on the device.
#include "kernels/cuda/block_mover.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/cuda_model.h"

#include "tests/kernels/cuda/device_array.h"
#include "tests/kernels/cuda/small_spec.h"

#include <doctest/doctest.h>

#include <numeric>
#include <random>
#include <utility>

namespace troupe::cuda {
namespace {

constexpr std::int32_t kLayers = 3;
constexpr std::int32_t kWords = 20;  // of one layer of a block: not a multiple of anything wide

// The cache as plain numbers, moved by the naive reading of the contract.
struct NaiveTiers {
  std::vector<std::int32_t> device;  // [layers][blocks][words]
  std::vector<std::int32_t> host;    // [slots][layers][words]
  std::int32_t num_blocks = 0;

  std::int32_t& on_device(std::int32_t layer, std::int32_t block, std::int32_t word) {
    return device[static_cast<std::size_t>((layer * num_blocks + block) * kWords + word)];
  }

  std::int32_t& on_host(std::int32_t slot, std::int32_t layer, std::int32_t word) {
    return host[static_cast<std::size_t>((slot * kLayers + layer) * kWords + word)];
  }

  void move(const BlockMoves& moves) {
    for (std::int32_t layer = 0; layer < kLayers; ++layer) {
      for (std::int32_t word = 0; word < kWords; ++word) {
        for (const auto& swap : moves.out) {
          on_host(swap.host_slot, layer, word) = on_device(layer, swap.block.value, word);
        }
        for (const auto& swap : moves.in) {
          on_device(layer, swap.block.value, word) = on_host(swap.host_slot, layer, word);
        }
        for (const auto& copy : moves.copies) {
          on_device(layer, copy.to.value, word) = on_device(layer, copy.from.value, word);
        }
      }
    }
  }
};

// Moves of one plan, with `count` of each kind: what goes out may be written by the others.
struct PlanMoves {
  std::vector<BlockSwap> out;
  std::vector<BlockSwap> in;
  std::vector<BlockCopy> copies;

  [[nodiscard]] BlockMoves view() const { return {.out = out, .in = in, .copies = copies}; }
};

PlanMoves random_moves(std::int32_t num_blocks,
                       std::int32_t num_slots,
                       std::int32_t count,
                       std::mt19937& random) {
  std::vector<std::int32_t> blocks(static_cast<std::size_t>(num_blocks));
  std::vector<std::int32_t> slots(static_cast<std::size_t>(num_slots));
  std::iota(blocks.begin(), blocks.end(), 0);
  std::iota(slots.begin(), slots.end(), 0);
  std::shuffle(blocks.begin(), blocks.end(), random);
  std::shuffle(slots.begin(), slots.end(), random);
  PlanMoves moves;
  for (std::int32_t index = 0; index < count; ++index) {
    const auto block = [&](std::int32_t part) {
      return BlockId{blocks[static_cast<std::size_t>(part * count + index)]};
    };
    // Out and in share their blocks, half of the slots that are read were written before.
    moves.out.push_back({block(0), slots[static_cast<std::size_t>(index)]});
    moves.in.push_back({block(0), slots[static_cast<std::size_t>(index + count / 2)]});
    moves.copies.push_back({index % 2 == 0 ? block(0) : block(1), block(2)});
  }
  return moves;
}

}  // namespace

TEST_CASE("CUDA block moves are what the plan's order says, however many there are") {
  const std::uint32_t seed = 21;
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::int32_t num_blocks = 1000;
  const std::int32_t num_slots = 600;
  NaiveTiers expected;
  expected.num_blocks = num_blocks;
  expected.device.resize(static_cast<std::size_t>(kLayers * num_blocks * kWords));
  expected.host.resize(static_cast<std::size_t>(num_slots * kLayers * kWords));
  std::iota(expected.device.begin(), expected.device.end(), 1);
  const DeviceArray<std::int32_t> cache(expected.device);
  auto mover = require(BlockMover::make({.data = reinterpret_cast<std::byte*>(cache.data()),
                                         .num_layers = kLayers,
                                         .num_blocks = num_blocks,
                                         .block_bytes = kWords * 4},
                                        num_slots));
  // Every slot gets what its first reader will find.
  PlanMoves fill;
  for (std::int32_t slot = 0; slot < num_slots; ++slot) {
    fill.out.push_back({BlockId{slot}, slot});
  }
  require(mover.enqueue(fill.view(), nullptr));
  expected.move(fill.view());

  // Around the size of a launch, and beyond.
  for (const std::int32_t count : {1, 2, 127, 128, 129, 300}) {
    CAPTURE(count);
    const auto moves = random_moves(num_blocks, num_slots, count, random);
    require(mover.enqueue(moves.view(), nullptr));
    expected.move(moves.view());
    CHECK(cache.values() == expected.device);
  }
}

TEST_CASE("without a host tier a CUDA cache still copies its blocks") {
  std::vector<std::int32_t> values(static_cast<std::size_t>(kLayers * 4 * kWords));
  std::iota(values.begin(), values.end(), 1);
  NaiveTiers expected{.device = values, .host = {}, .num_blocks = 4};
  const DeviceArray<std::int32_t> cache(values);
  auto mover = require(BlockMover::make({.data = reinterpret_cast<std::byte*>(cache.data()),
                                         .num_layers = kLayers,
                                         .num_blocks = 4,
                                         .block_bytes = kWords * 4},
                                        0));
  PlanMoves moves;
  moves.copies = {{BlockId{0}, BlockId{3}}, {BlockId{0}, BlockId{2}}};

  require(mover.enqueue(moves.view(), nullptr));
  expected.move(moves.view());

  CHECK(cache.values() == expected.device);
  CHECK(require(mover.measure_host_link(nullptr)) == 0.0);
}

}  // namespace troupe::cuda

namespace troupe {
namespace {

constexpr std::int32_t kPromptTokens = 77;  // five blocks, the last one partly filled
constexpr std::int32_t kPromptBlocks = 5;
constexpr std::int32_t kDecodedTokens = 20;
constexpr std::int32_t kTableBlocks = (kPromptTokens + kDecodedTokens) / 16 + 1;

// One sequence in seat 0 whose blocks are `first`, `first` + 1, …
SeatTaken seat_prompt() {
  auto start = std::make_shared<SequenceStart>();
  std::mt19937 random(5);
  for (std::int32_t token = 0; token < kPromptTokens; ++token) {
    start->tokens.push_back(static_cast<TokenId>(random() % 1000));
  }
  start->num_prompt_tokens = kPromptTokens;
  start->sampling.temperature = 0.0F;
  return {0, start};
}

TableGrowth table_from(std::int32_t first) {
  TableGrowth growth{0, {}};
  for (std::int32_t block = 0; block < kTableBlocks; ++block) {
    growth.blocks.push_back(BlockId{first + block});
  }
  return growth;
}

std::vector<SampledToken> run(Backend& backend, StepPlan plan) {
  cuda::require(backend.enqueue(std::make_shared<const StepPlan>(std::move(plan))));
  return cuda::require(backend.wait()).tokens;
}

// Decodes from `position` on; the plan may carry what must happen before the first of the steps.
std::vector<TokenId> decode(Backend& backend, StepPlan plan, std::int32_t position) {
  std::vector<TokenId> tokens;
  for (; position < kPromptTokens + kDecodedTokens; ++position) {
    plan.rows = {{0, position, position + 1, true}};
    tokens.push_back(run(backend, std::exchange(plan, {})).front().token);
  }
  return tokens;
}

}  // namespace

TEST_CASE(
    "a sequence whose CUDA blocks went to the host and came back elsewhere goes on as before") {
  CudaOptions options;
  options.num_blocks = 64;
  options.num_host_blocks = 8;
  options.max_num_seqs = 4;
  options.max_num_batched_tokens = 128;
  const auto backend = cuda::require(
      make_cuda_backend(cuda::require(cuda::make_random_model(small_spec(), 0, 5)), options));
  CHECK(backend->description().num_host_blocks == 8);
  CHECK(backend->description().host_link_bytes_per_second > 0.0);
  CHECK(backend->description().prefill_tokens_per_second > 0.0);

  StepPlan prompt;
  prompt.seats_taken.push_back(seat_prompt());
  prompt.table_growth.push_back(table_from(0));
  prompt.rows = {{0, 0, kPromptTokens, true}};
  const auto first = run(*backend, prompt).front().token;
  const auto undisturbed = decode(*backend, {}, kPromptTokens);

  // The same prompt again; then its blocks leave, are overwritten, return elsewhere, and one of
  // them takes a further step on the device. The last position is computed anew in its new place.
  CHECK(run(*backend, prompt).front().token == first);
  StepPlan leave;
  for (std::int32_t block = 0; block < kPromptBlocks; ++block) {
    leave.swaps_out.push_back({BlockId{block}, 7 - block});
    leave.copies.push_back({BlockId{50}, BlockId{block}});
  }
  CHECK(run(*backend, leave).empty());
  StepPlan come_back;
  come_back.seats_taken.push_back(seat_prompt());
  come_back.table_growth.push_back(table_from(20));
  come_back.swaps_in.push_back({BlockId{40}, 7});
  for (std::int32_t block = 1; block < kPromptBlocks; ++block) {
    come_back.swaps_in.push_back({BlockId{20 + block}, 7 - block});
  }
  come_back.copies.push_back({BlockId{40}, BlockId{20}});
  auto resumed = decode(*backend, come_back, kPromptTokens - 1);

  CHECK(resumed.front() == first);
  resumed.erase(resumed.begin());
  CHECK(resumed == undisturbed);
}

}  // namespace troupe
