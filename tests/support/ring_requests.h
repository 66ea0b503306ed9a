// Requests and answers for tests of the ring and its stations.
#pragma once

#include "engine/api/attempt.h"
#include "engine/api/engine_config.h"
#include "engine/simulation/answer.h"
#include "engine/step/step.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace troupe::test {

/// Tokens `first`, `first + 1`, …
inline std::vector<TokenId> counting(std::int32_t count, TokenId first = 100) {
  std::vector<TokenId> tokens;
  for (std::int32_t position = 0; position < count; ++position) {
    tokens.push_back(first + position);
  }
  return tokens;
}

/// Arrives in the order of its number.
inline EnqueuedRequest make_request(std::uint64_t number,
                                    std::vector<TokenId> prompt,
                                    std::int32_t max_output_tokens) {
  EnqueuedRequest request;
  request.request = RequestId{number};
  request.attempt = AttemptNumber{1};
  request.num_prompt_tokens = static_cast<std::int32_t>(prompt.size());
  request.tokens = std::move(prompt);
  request.max_output_tokens = max_output_tokens;
  request.sampling.temperature = 0.0F;
  request.sampling.seed = 0;
  request.arrival = TimePoint(Duration(static_cast<std::int64_t>(number)));
  return request;
}

inline EngineConfig make_config(std::int32_t num_blocks, std::int32_t block_size) {
  EngineConfig config;
  config.num_blocks = num_blocks;
  config.block_size = block_size;
  config.max_model_len = 1000;
  config.max_num_seqs = 8;
  config.max_num_batched_tokens = 64;
  config.max_num_queued_requests = 100;
  config.eos_tokens = {0};
  return config;
}

/// What a memory without bounds and without a prefix cache would answer.
inline StepGranted grant_all(const StepProposal& proposal) {
  StepGranted granted;
  granted.ring = proposal.ring;
  granted.step = proposal.step;
  auto left = proposal.max_admission_tokens;
  for (const auto& candidate : proposal.candidates) {
    if (std::ranges::find(granted.preempted, candidate.sequence) != granted.preempted.end()) {
      continue;  // somebody has taken its seat
    }
    const auto wanted = candidate.num_tokens;
    const auto count = candidate.admission ? std::min(wanted, left) : wanted;
    if (count > 0) {
      const auto end = candidate.begin + count;
      if (candidate.displaces) {
        granted.preempted.push_back(*candidate.displaces);
      }
      granted.rows.push_back(
          GrantedRow{candidate.sequence, candidate.begin, end, end == candidate.known});
    }
    left -= candidate.admission ? count : 0;
  }
  granted.plan_sent = !granted.rows.empty();
  return granted;
}

/// What a memory without a free block would answer.
inline StepGranted defer_all(const StepProposal& proposal) {
  StepGranted granted;
  granted.ring = proposal.ring;
  granted.step = proposal.step;
  for (const auto& candidate : proposal.candidates) {
    granted.deferred.push_back(candidate.sequence);
  }
  return granted;
}

/// The device's answer to a grant: the same token for every row that samples.
inline StepResult sample_all(const StepGranted& granted, TokenId token) {
  return simulation::answer_to(granted, token);
}

}  // namespace troupe::test
