#include "rehearsal/oracle.h"

#include "engine/step/sequence_start.h"
#include "kernels/sim/sim_backend.h"

#include "rehearsal/vocabulary.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace troupe::rehearsal {
namespace {

// The tokens that prompt and answer may take together, or why there can be no answer.
Result<std::int32_t> limit_of(const GenerateRequest& request,
                              std::int32_t num_prompt_tokens,
                              const Play& play) {
  const auto longest = play.model.max_model_len;
  const auto wanted = request.sampling.max_tokens ? num_prompt_tokens + *request.sampling.max_tokens
                                                  : std::max(longest, num_prompt_tokens + 1);
  if (wanted > longest) {
    return fail(ErrorCode::context_length_exceeded, "too long");
  }
  const auto block_size = play.engine.block_size;
  if ((wanted + block_size - 1) / block_size > play.engine.num_blocks) {
    return fail(ErrorCode::never_fits, "too large");
  }
  return wanted;
}

// What the client's side makes of one token of the answer; true: the answer ends with it.
bool tell(Expected& expected, TokenId token, const SamplingParams& sampling) {
  expected.output.push_back(token);
  expected.text += text_of({token});
  ++expected.num_output_tokens;
  if (sampling.stop.empty() || !expected.text.ends_with(sampling.stop.front())) {
    return false;
  }
  if (!sampling.include_stop_str_in_output) {
    expected.text.resize(expected.text.size() - sampling.stop.front().size());
  }
  expected.end = AnswerEnd::string;
  return true;
}

}  // namespace

std::vector<TokenId> tokens_of(const Prompt& prompt) {
  if (const auto* tokens = std::get_if<TokenPrompt>(&prompt)) {
    return tokens->tokens;
  }
  std::vector<TokenId> tokens;
  for (const auto character : std::get<TextPrompt>(prompt).text) {
    tokens.push_back(character - character_of(1) + 1);
  }
  return tokens;
}

Expected expected_of(const GenerateRequest& request, std::uint64_t seed, const Play& play) {
  Expected expected;
  const auto prompt = tokens_of(request.prompt);
  const auto limit = limit_of(request, static_cast<std::int32_t>(prompt.size()), play);
  if (!limit) {
    expected.refusal = limit.error().code;
    return expected;
  }
  const auto& sampling = request.sampling;
  SequenceStart start;
  start.num_prompt_tokens = static_cast<std::int32_t>(prompt.size());
  start.sampling = sampling;
  start.sampling.seed = seed;
  start.eos_tokens = play.engine.eos_tokens;
  expected.num_prompt_tokens = start.num_prompt_tokens;
  expected.log = prompt;
  const SimSampling device{play.device.description.vocab_size, play.device.eos_one_in};
  bool told_all = false;
  while (std::ssize(expected.log) < *limit) {
    const auto num_generated =
        static_cast<std::int32_t>(expected.log.size()) - start.num_prompt_tokens;
    const auto token = sim_next_token(expected.log, start, device);
    expected.log.push_back(token);
    const auto is_stop =
        (token == kEndOfSequence && !sampling.ignore_eos) ||
        std::ranges::find(sampling.stop_token_ids, token) != sampling.stop_token_ids.end();
    if (is_stop && num_generated >= sampling.min_tokens) {
      expected.num_output_tokens += told_all ? 0 : 1;
      expected.end = told_all ? expected.end : AnswerEnd::token;
      return expected;
    }
    told_all = told_all || tell(expected, token, sampling);
  }
  return expected;
}

}  // namespace troupe::rehearsal
