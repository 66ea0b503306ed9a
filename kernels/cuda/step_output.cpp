#include "kernels/cuda/step_output.h"

#include "kernels/cuda/status.h"
#include "kernels/decoder/probability_mass.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

namespace troupe::cuda {
namespace {

LogprobBits logprob_bits(TokenId token, float logit, float top, double log_total) {
  const auto distance = static_cast<double>(logit) - static_cast<double>(top);
  return {token, std::bit_cast<std::uint32_t>(static_cast<float>(distance - log_total))};
}

void add_logprobs(SampledToken& sampled, const SampleOutcome& outcome, const TopLogit* top) {
  const auto log_total = std::log(std::ldexp(static_cast<double>(outcome.total), -kWeightBits));
  sampled.logprob = logprob_bits(outcome.token, outcome.logit, outcome.top, log_total);
  for (std::int32_t rank = 0; rank < outcome.num_top; ++rank) {
    sampled.top_logprobs.push_back(
        logprob_bits(top[rank].token, top[rank].logit, outcome.top, log_total));
  }
}

bool wants_logprobs(const PendingSample& sample) {
  return sample.num_logprobs.has_value();
}

}  // namespace

Result<StepOutput> StepOutput::make(std::int32_t max_samples) {
  const auto count = static_cast<std::size_t>(max_samples);
  auto outcomes = allocate_pinned(count * sizeof(SampleOutcome), "the step's outcomes");
  if (!outcomes) {
    return pass(std::move(outcomes));
  }
  auto top = allocate_pinned(count * kMaxTopLogprobs * sizeof(TopLogit), "the step's logprobs");
  if (!top) {
    return pass(std::move(top));
  }
  StepOutput output;
  output.outcomes_ = *std::move(outcomes);
  output.top_logits_ = *std::move(top);
  return output;
}

Result<void> StepOutput::download(const Activations& from,
                                  const std::vector<PendingSample>& samples,
                                  cudaStream_t stream) {
  if (samples.empty()) {
    return {};
  }
  if (auto copied = check(
          cudaMemcpyAsync(outcomes_.data(), from.outcomes, samples.size() * sizeof(SampleOutcome),
                          cudaMemcpyDeviceToHost, stream),
          "the step's download");
      !copied) {
    return copied;
  }
  if (std::none_of(samples.begin(), samples.end(), wants_logprobs)) {
    return {};
  }
  return check(cudaMemcpyAsync(top_logits_.data(), from.top_logits,
                               samples.size() * kMaxTopLogprobs * sizeof(TopLogit),
                               cudaMemcpyDeviceToHost, stream),
               "the step's download");
}

Result<std::vector<SampledToken>> StepOutput::tokens(
    const std::vector<PendingSample>& samples) const {
  std::vector<SampledToken> tokens;
  tokens.reserve(samples.size());
  for (std::size_t row = 0; row < samples.size(); ++row) {
    const auto& sample = samples[row];
    const auto& outcome = outcomes_.as<SampleOutcome>()[row];
    if (outcome.token < 0) {
      return fail(ErrorCode::device, "the logit of token " + std::to_string(-1 - outcome.token) +
                                         " at position " + std::to_string(sample.position) +
                                         " of sequence " + std::to_string(sample.sequence.value) +
                                         " is " + std::to_string(outcome.logit) +
                                         ", not a finite number");
    }
    SampledToken sampled;
    sampled.sequence = sample.sequence;
    sampled.position = sample.position;
    sampled.token = outcome.token;
    if (wants_logprobs(sample)) {
      add_logprobs(sampled, outcome, top_logits_.as<TopLogit>() + row * kMaxTopLogprobs);
    }
    tokens.push_back(std::move(sampled));
  }
  return tokens;
}

}  // namespace troupe::cuda
