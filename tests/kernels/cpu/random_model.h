// Models of any shape with random weights, made in memory.
#pragma once

#include "engine/model/weights.h"

#include <cstdint>
#include <memory>

namespace troupe::test {

/// Which of the optional tensors the model has.
struct RandomModelOptions {
  std::uint64_t seed = 1;
  DType dtype = DType::bfloat16;
  bool biases = false;
  bool qk_norm = false;
  /// Standard deviation of the matrices; 0: 1 / sqrt(inputs), so that activations keep their size.
  float deviation = 0.0F;
};

/// A spec with what `random_model` and the kernels need; rope with base 10,000 over the whole head.
struct RandomShape {
  std::int32_t hidden_size = 0;
  std::int32_t num_layers = 0;
  std::int32_t num_heads = 0;
  std::int32_t num_kv_heads = 0;
  std::int32_t head_size = 0;
  std::int32_t intermediate_size = 0;
  std::int32_t vocab_size = 0;
  std::int32_t max_position = 1024;
  bool tied_embeddings = true;
};

/// Weights N(0, deviation), norms around 1.
[[nodiscard]] std::shared_ptr<const Model> random_model(const RandomShape& shape,
                                                        const RandomModelOptions& options);

}  // namespace troupe::test
