// Chooses a token from a row of logits on the host. A pure function of (seed, position, logits,
// parameters, history): neither batch neighbours nor earlier draws change it.
#pragma once

#include "engine/base/result.h"
#include "engine/step/step.h"
#include "kernels/decoder/logit_rules.h"
#include "kernels/decoder/probability_mass.h"

#include <cstdint>
#include <span>
#include <vector>

namespace troupe {

/// Keeps buffers of the size of the vocabulary between calls. Owned by one backend; not
/// thread-safe.
class Sampler {
 public:
  /// The token for `sequence.position`. Greedy at temperature 0 (lowest id among equals), else a
  /// draw after temperature, min-p, top-k and top-p, in this order. Log-probabilities are those of
  /// the logits as they came, before any rule. Writes `logits` [V]. Checked: the seed is set.
  /// Errors: `device` when a logit is not finite, with its token.
  [[nodiscard]] Result<SampledToken> sample(std::span<float> logits,
                                            const SampledSequence& sequence);

 private:
  [[nodiscard]] TokenId choose(std::span<const float> logits, const SampledSequence& sequence);
  void add_logprobs(SampledToken& sampled, std::int32_t num_top);

  ProbabilityMass mass_;
  std::vector<float> raw_logits_;  // kept where log-probabilities are asked for
};

}  // namespace troupe
