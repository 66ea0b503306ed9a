// The recordings in tests/data/golden against a device: logits, greedy tokens, and where the
// residual stream went astray. What they hold stands in the README there.
#pragma once

#include "engine/model/weights.h"
#include "engine/step/backend.h"
#include "kernels/decoder/operations.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::golden {

/// What a device under test must have room for.
inline constexpr std::int32_t kBlockSize = 16;
inline constexpr std::int32_t kNumBlocks = 32;
inline constexpr std::int32_t kMaxNumSeqs = 4;
inline constexpr std::int32_t kMaxNumTokens = 256;

/// A kind of device. Both functions are called with a loaded model and give something fresh, of at
/// least the room above.
struct Device {
  std::function<std::unique_ptr<HostOperations>(const std::shared_ptr<const Model>&)>
      make_operations;
  std::function<std::unique_ptr<Backend>(const std::shared_ptr<const Model>&)> make_backend;
  /// [H], the residual stream of a token of the step; null where it cannot be looked at.
  std::function<std::vector<float>(const HostOperations&, std::int32_t token)> residual_row;
};

/// How a device calculates, and hence how far it may stray.
enum class Arithmetic : std::uint8_t {
  float32,   // 2e-5 from the recorded float32 logits, and every greedy token
  bfloat16,  // 1.25 times as far from the float32 logits as the recorded bfloat16 run, which in
             // these models of random weights goes up to 4e-2; greedy tokens up to the first margin
             // below four times the largest error of a logit
};

/// The checkpoints of tests/data/golden that must load.
[[nodiscard]] std::vector<std::string> checkpoints();
[[nodiscard]] std::string directory_of(const std::string& checkpoint);

/// The logits after each prompt, and the greedy tokens that follow it through a backend.
void check_recordings(const std::string& checkpoint, const Device& device, Arithmetic arithmetic);

/// The logits after a prompt, bit for bit: in one piece, in chunks, token by token, and beside
/// other sequences.
void check_batch_invariance(const std::string& checkpoint, const Device& device);

/// The first `num_conversations` greedy answers of models/demo. Requires that the folder is there.
void check_demo(const Device& device, Arithmetic arithmetic, std::size_t num_conversations);

}  // namespace troupe::golden
