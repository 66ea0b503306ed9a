// The forward pass of a pre-norm decoder as a sequence of operations; what they are made of is the
// device's business.
#include "kernels/decoder/operations.h"

namespace troupe {
namespace {

using LayerOperation = Result<void> (Operations::*)(std::int32_t);

constexpr LayerOperation kLayerOperations[] = {
    &Operations::add_attention_norm,
    &Operations::qkv_rope_store,
    &Operations::attention,
    &Operations::attention_output,
    &Operations::add_mlp_norm,
    &Operations::gate_up,
    &Operations::down,
};

}  // namespace

Result<void> forward(Operations& operations, const PackedBatch& batch, std::int32_t num_layers) {
  if (auto begun = operations.begin(batch); !begun) {
    return begun;
  }
  if (auto embedded = operations.embed(); !embedded) {
    return embedded;
  }
  for (std::int32_t layer = 0; layer < num_layers; ++layer) {
    for (const auto operation : kLayerOperations) {
      if (auto done = (operations.*operation)(layer); !done) {
        return done;
      }
    }
  }
  // A step of prefill chunks that do not end yet asks for no logits.
  return batch.num_samples() == 0 ? Result<void>() : operations.logits();
}

}  // namespace troupe
