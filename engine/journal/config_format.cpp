#include "engine/journal/config_format.h"

#include "engine/journal/request_format.h"

#include <bit>
#include <limits>

namespace troupe::journal {
namespace {

constexpr std::int64_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kMaxEosTokens = 4096;
constexpr std::int32_t kMaxRungs = 62;  // a quantum doubles with each
constexpr std::int64_t kMaxBlockBytes = std::int64_t{1} << 40U;
constexpr double kMaxRate = 1e15;  // bytes or tokens a second

void write_flag(ByteWriter& out, bool value) {
  out.byte(value ? 1 : 0);
}

bool read_flag(ByteReader& in) {
  return in.within_byte(1) == 1;
}

void write_real(ByteWriter& out, double value) {
  out.fixed64(std::bit_cast<std::uint64_t>(value));
}

// At least 0 and finite.
double read_real(ByteReader& in, double most) {
  const auto value = std::bit_cast<double>(in.fixed64());
  if (!(value >= 0 && value <= most)) {
    in.refuse();
    return 0;
  }
  return value;
}

std::int32_t read_within(ByteReader& in, std::int64_t least, std::int64_t most) {
  const auto value = in.within(least, most);
  return static_cast<std::int32_t>(in.ok() ? value : least);
}

Duration read_duration(ByteReader& in, std::int64_t least) {
  const auto value = in.within(least, kMaxTimeNanoseconds);
  return Duration(in.ok() ? value : least);
}

void write(ByteWriter& out, const SchedulingConfig& config) {
  // Names every member: a new one does not compile until it is recorded. So do the others below.
  const auto& [policy, admission, preemption, max_prefill_tokens, max_decode_tokens,
               min_prefill_tokens, long_prefill_token_threshold, target_inter_token_latency,
               watermark, aging_per_level, mlfq_first_quantum, mlfq_num_rungs, mlfq_promote_after] =
      config;
  out.byte(static_cast<std::uint8_t>(policy));
  out.byte(static_cast<std::uint8_t>(admission));
  out.byte(static_cast<std::uint8_t>(preemption));
  out.signed_number(max_prefill_tokens);
  out.signed_number(max_decode_tokens);
  out.signed_number(min_prefill_tokens);
  out.signed_number(long_prefill_token_threshold);
  write_flag(out, target_inter_token_latency.has_value());
  out.signed_number(target_inter_token_latency.value_or(Duration::zero()).count());
  write_real(out, watermark);
  out.signed_number(aging_per_level.count());
  out.signed_number(mlfq_first_quantum);
  out.signed_number(mlfq_num_rungs);
  out.signed_number(mlfq_promote_after.count());
}

template <class Enumerator>
Enumerator read_enumerator(ByteReader& in, Enumerator last) {
  return static_cast<Enumerator>(in.within_byte(static_cast<std::uint8_t>(last)));
}

SchedulingConfig read_scheduling(ByteReader& in) {
  SchedulingConfig config;
  config.policy = read_enumerator(in, SchedulingPolicy::static_bucketed);
  config.admission = read_enumerator(in, AdmissionMode::reserve);
  config.preemption = read_enumerator(in, PreemptionMode::swap);
  config.max_prefill_tokens = read_within(in, 0, kMaxInt32);
  config.max_decode_tokens = read_within(in, 0, kMaxInt32);
  config.min_prefill_tokens = read_within(in, 0, kMaxInt32);
  config.long_prefill_token_threshold = read_within(in, 0, kMaxInt32);
  const auto has_target = read_flag(in);
  const auto target = read_duration(in, 0);
  if (has_target) {
    config.target_inter_token_latency = target;
  }
  config.watermark = read_real(in, 1.0);
  config.aging_per_level = read_duration(in, 1);
  config.mlfq_first_quantum = read_within(in, 1, kMaxInt32);
  config.mlfq_num_rungs = read_within(in, 1, kMaxRungs);
  config.mlfq_promote_after = read_duration(in, 0);
  return config;
}

void write(ByteWriter& out, const EngineConfig& config) {
  const auto& [block_size, num_blocks, max_model_len, max_num_seqs, max_num_batched_tokens,
               max_num_queued_requests, enable_prefix_caching, scheduling, eos_tokens] = config;
  for (const auto value : {block_size, num_blocks, max_model_len, max_num_seqs,
                           max_num_batched_tokens, max_num_queued_requests}) {
    out.signed_number(value);
  }
  write_flag(out, enable_prefix_caching);
  write(out, scheduling);
  out.number(eos_tokens.size());
  for (const auto token : eos_tokens) {
    out.signed_number(token);
  }
}

EngineConfig read_engine(ByteReader& in) {
  EngineConfig config;
  config.block_size = read_within(in, 1, kMaxBlockSize);
  config.num_blocks = read_within(in, 1, kMaxBlocks);
  config.max_model_len = read_within(in, 0, kMaxInt32);
  config.max_num_seqs = read_within(in, 1, kMaxSeats);
  config.max_num_batched_tokens = read_within(in, 1, kMaxInt32);
  config.max_num_queued_requests = read_within(in, 0, kMaxInt32);
  config.enable_prefix_caching = read_flag(in);
  config.scheduling = read_scheduling(in);
  config.eos_tokens.resize(in.count(kMaxEosTokens));
  for (auto& token : config.eos_tokens) {
    token = read_within(in, std::numeric_limits<std::int32_t>::min(), kMaxInt32);
  }
  return config;
}

void write(ByteWriter& out, const MemoryConfig& config) {
  const auto& [num_blocks, block_size, enable_prefix_caching, num_host_blocks, preemption,
               bytes_per_block, host_link_bytes_per_second, prefill_tokens_per_second,
               await_shared_prefixes] = config;
  out.signed_number(num_blocks);
  out.signed_number(block_size);
  write_flag(out, enable_prefix_caching);
  out.signed_number(num_host_blocks);
  out.byte(static_cast<std::uint8_t>(preemption));
  out.signed_number(bytes_per_block);
  write_real(out, host_link_bytes_per_second);
  write_real(out, prefill_tokens_per_second);
  write_flag(out, await_shared_prefixes);
}

MemoryConfig read_memory(ByteReader& in) {
  MemoryConfig config;
  config.num_blocks = read_within(in, 1, kMaxBlocks);
  config.block_size = read_within(in, 1, kMaxBlockSize);
  config.enable_prefix_caching = read_flag(in);
  config.num_host_blocks = read_within(in, 0, kMaxBlocks);
  config.preemption = read_enumerator(in, PreemptionMode::swap);
  config.bytes_per_block = in.within(0, kMaxBlockBytes);
  config.host_link_bytes_per_second = read_real(in, kMaxRate);
  config.prefill_tokens_per_second = read_real(in, kMaxRate);
  config.await_shared_prefixes = read_flag(in);
  const auto blocks = std::int64_t{config.num_blocks} + config.num_host_blocks;
  if (blocks * config.block_size > kMaxCachePositions) {
    in.refuse();
  }
  return config;
}

}  // namespace

void write(ByteWriter& out, const RingBegan& began) {
  const auto& [ring, engine, memory, suspects] = began;
  static_cast<void>(ring);
  write(out, engine);
  write(out, memory);
  out.number(suspects.size());
  for (const auto& group : suspects) {
    out.number(group.size());
    for (const auto request : group) {
      out.number(request.value);
    }
  }
}

RingBegan read_ring_began(ByteReader& in) {
  RingBegan began;
  began.engine = read_engine(in);
  began.memory = read_memory(in);
  began.suspects.resize(in.count(kMaxSuspects));
  for (auto& group : began.suspects) {
    group.resize(in.count(kMaxSuspects));
    for (auto& request : group) {
      request = read_id<RequestId>(in);
    }
  }
  const auto agree = began.engine.num_blocks == began.memory.num_blocks &&
                     began.engine.block_size == began.memory.block_size;
  if (!agree) {
    in.refuse();
  }
  return began;
}

}  // namespace troupe::journal
