#include "engine/journal/request_format.h"

#include "engine/api/request.h"
#include "engine/base/random.h"
#include "engine/journal/frame.h"

#include <bit>
#include <limits>
#include <string>

namespace troupe::journal {
namespace {

constexpr std::int64_t kMinInt32 = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();

// What is larger in memory than on paper has a bound of its own.
constexpr std::size_t kMaxTexts = 4096;         // stop strings
constexpr std::size_t kMaxBiases = 1U << 20U;   // half a million is what a vocabulary may have
constexpr std::size_t kMaxSampled = 1U << 16U;  // tokens of one step
constexpr std::size_t kMaxTokens = kMaxRecordBytes;

void write_float(ByteWriter& out, float value) {
  out.fixed32(std::bit_cast<std::uint32_t>(value));
}

float read_float(ByteReader& in) {
  return std::bit_cast<float>(in.fixed32());
}

void write_flag(ByteWriter& out, bool value) {
  out.byte(value ? 1 : 0);
}

bool read_flag(ByteReader& in) {
  return in.within_byte(1) == 1;
}

std::int32_t read_int32(ByteReader& in) {
  return static_cast<std::int32_t>(in.within(kMinInt32, kMaxInt32));
}

std::int32_t read_size(ByteReader& in) {
  return static_cast<std::int32_t>(in.within(0, kMaxInt32));
}

void write_tokens(ByteWriter& out, const std::vector<TokenId>& tokens) {
  out.number(tokens.size());
  for (const auto token : tokens) {
    out.signed_number(token);
  }
}

std::vector<TokenId> read_tokens(ByteReader& in) {
  std::vector<TokenId> tokens(in.count(kMaxTokens));
  for (auto& token : tokens) {
    token = read_int32(in);
  }
  return tokens;
}

template <class Number>
void write_optional(ByteWriter& out, const std::optional<Number>& value) {
  write_flag(out, value.has_value());
  if (value) {
    out.number(static_cast<std::uint64_t>(*value));
  }
}

std::optional<std::uint64_t> read_optional(ByteReader& in) {
  return read_flag(in) ? std::optional(in.number()) : std::nullopt;
}

std::optional<std::int32_t> read_optional_size(ByteReader& in) {
  const auto value = read_optional(in);
  if (value && *value > static_cast<std::uint64_t>(kMaxInt32)) {
    in.refuse();
    return std::nullopt;
  }
  return value ? std::optional(static_cast<std::int32_t>(*value)) : std::nullopt;
}

void write(ByteWriter& out, const SamplingParams& sampling) {
  // Names every member: a new one does not compile until it is recorded.
  const auto& [temperature, top_p, top_k, min_p, presence_penalty, frequency_penalty,
               repetition_penalty, seed, max_tokens, min_tokens, stop, stop_token_ids, logit_bias,
               ignore_eos, include_stop_str_in_output, skip_special_tokens, logprobs] = sampling;
  for (const auto value :
       {temperature, top_p, min_p, presence_penalty, frequency_penalty, repetition_penalty}) {
    write_float(out, value);
  }
  out.signed_number(top_k);
  out.signed_number(min_tokens);
  write_optional(out, seed);
  write_optional(out, max_tokens);
  write_optional(out, logprobs);
  out.number(stop.size());
  for (const auto& text : stop) {
    out.text(text);
  }
  write_tokens(out, stop_token_ids);
  out.number(logit_bias.size());
  for (const auto& [token, bias] : logit_bias) {
    out.signed_number(token);
    write_float(out, bias);
  }
  write_flag(out, ignore_eos);
  write_flag(out, include_stop_str_in_output);
  write_flag(out, skip_special_tokens);
}

SamplingParams read_sampling(ByteReader& in) {
  SamplingParams sampling;
  for (auto* value :
       {&sampling.temperature, &sampling.top_p, &sampling.min_p, &sampling.presence_penalty,
        &sampling.frequency_penalty, &sampling.repetition_penalty}) {
    *value = read_float(in);
  }
  sampling.top_k = read_int32(in);
  sampling.min_tokens = read_int32(in);
  sampling.seed = read_optional(in);
  sampling.max_tokens = read_optional_size(in);
  sampling.logprobs = read_optional_size(in);
  sampling.stop.resize(in.count(kMaxTexts));
  for (auto& text : sampling.stop) {
    text = in.text();
  }
  sampling.stop_token_ids = read_tokens(in);
  sampling.logit_bias.resize(in.count(kMaxBiases));
  for (auto& [token, bias] : sampling.logit_bias) {
    token = read_int32(in);
    bias = read_float(in);
  }
  sampling.ignore_eos = read_flag(in);
  sampling.include_stop_str_in_output = read_flag(in);
  sampling.skip_special_tokens = read_flag(in);
  return sampling;
}

}  // namespace

void write_time(ByteWriter& out, TimePoint time) {
  out.fixed64(static_cast<std::uint64_t>(time.time_since_epoch().count()));
}

TimePoint read_time(ByteReader& in) {
  const auto value = static_cast<std::int64_t>(in.fixed64());
  if (value < 0 || value > kMaxTimeNanoseconds) {
    in.refuse();
    return {};
  }
  return TimePoint(Duration(value));
}

void write(ByteWriter& out, const EnqueuedRequest& enqueued) {
  const auto& [request, attempt, tokens, num_prompt_tokens, max_output_tokens, sampling, arrival,
               priority, deadline, tenant, cache_salt] = enqueued;
  out.number(request.value);
  out.number(attempt.value);
  write_tokens(out, tokens);
  out.signed_number(num_prompt_tokens);
  out.signed_number(max_output_tokens);
  write(out, sampling);
  write_time(out, arrival);
  out.signed_number(priority);
  write_flag(out, deadline.has_value());
  if (deadline) {
    write_time(out, *deadline);
  }
  out.text(tenant);
  out.text(cache_salt);
}

EnqueuedRequest read_request(ByteReader& in) {
  EnqueuedRequest request;
  request.request = read_id<RequestId>(in);
  request.attempt = read_id<AttemptNumber>(in);
  request.tokens = read_tokens(in);
  request.num_prompt_tokens = read_size(in);
  request.max_output_tokens = read_size(in);
  request.sampling = read_sampling(in);
  request.arrival = read_time(in);
  request.priority = static_cast<std::int32_t>(in.within(-kMaxPriority, kMaxPriority));
  if (read_flag(in)) {
    request.deadline = read_time(in);
  }
  request.tenant = in.text();
  request.cache_salt = in.text();
  return request;
}

void write(ByteWriter& out, const StepResult& result) {
  const auto& [ring, step, tokens, device_time] = result;
  out.number(ring.value);
  out.number(step.value);
  out.number(tokens.size());
  for (const auto& sampled : tokens) {
    out.number(sampled.sequence.value);
    out.signed_number(sampled.position);
    out.signed_number(sampled.token);
  }
  out.signed_number(device_time.count());
}

StepResult read_result(ByteReader& in) {
  StepResult result;
  result.ring = read_id<RingNumber>(in);
  result.step = read_id<StepNumber>(in);
  result.tokens.resize(in.count(kMaxSampled));
  for (auto& sampled : result.tokens) {
    sampled.sequence = read_id<SequenceId>(in);
    sampled.position = read_size(in);
    sampled.token = read_int32(in);
  }
  result.device_time = Duration(in.within(0, kMaxTimeNanoseconds));
  return result;
}

std::uint64_t digest_of(const SequenceStart& start) {
  const auto& [sequence, request, tokens, num_prompt_tokens, sampling, eos_tokens, cache_salt] =
      start;
  std::string bytes;
  ByteWriter out(bytes);
  out.number(sequence.value);
  out.number(request.value);
  write_tokens(out, tokens);
  out.signed_number(num_prompt_tokens);
  write(out, sampling);
  write_tokens(out, eos_tokens);
  out.text(cache_salt);
  constexpr std::size_t kChunk = sizeof(std::uint64_t);
  auto digest = mix(bytes.size());
  for (std::size_t begin = 0; begin < bytes.size(); begin += kChunk) {
    std::uint64_t chunk = 0;
    for (const auto character : std::string_view(bytes).substr(begin, kChunk)) {
      chunk = (chunk << 8U) | static_cast<std::uint8_t>(character);
    }
    digest = mix(digest ^ chunk);
  }
  return digest;
}

}  // namespace troupe::journal
