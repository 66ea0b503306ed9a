// What a sequence is when it takes its seat: immutable, shared by all stations of the ring.
#pragma once

#include "engine/api/sampling_params.h"
#include "engine/base/ids.h"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

/// One attempt of one request, as scheduler, memory manager and worker see it. A sequence that was
/// preempted, or whose request was enqueued anew, starts again with a longer `tokens`.
struct SequenceStart {
  SequenceId sequence;
  RequestId request;
  std::vector<TokenId> tokens;         // the prompt, then what was generated before this start
  std::int32_t num_prompt_tokens = 0;  // how many of `tokens` are the prompt
  SamplingParams sampling;             // `seed` is set
  std::vector<TokenId> eos_tokens;     // masked while fewer than `min_tokens` were generated
  std::string cache_salt;              // prefixes are shared under the same salt only

  [[nodiscard]] std::int32_t num_tokens() const { return static_cast<std::int32_t>(tokens.size()); }
};

}  // namespace troupe
