// Each operation is one pass over the team's threads; element-wise work too small to share is done
// by the caller.
#include "kernels/cpu/cpu_operations.h"

#include "engine/base/check.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe::cpu {
namespace {

// Fewer elements than this are done sooner than another thread has heard of them.
constexpr std::int64_t kMinSharedElements = 8192;

/// Whole cache lines, plus one: rows at a power of two would all fall into the same cache set.
std::int64_t row_stride(std::int32_t num_elements) {
  constexpr std::int32_t kLineElements = 32;
  return (std::int64_t{num_elements} + kLineElements - 1) / kLineElements * kLineElements +
         kLineElements;
}

std::int32_t num_positions(const ModelSpec& spec, const OperationsShape& shape) {
  const auto slots = std::int64_t{shape.num_blocks} * shape.block_size;
  const auto limit = spec.max_position > 0 ? std::int64_t{spec.max_position} : slots;
  return static_cast<std::int32_t>(std::min(slots, limit));
}

AttentionShape attention_shape(const ModelSpec& spec, std::int32_t block_size) {
  return {.num_heads = spec.num_heads,
          .num_kv_heads = spec.num_kv_heads,
          .head_size = spec.head_size,
          .block_size = block_size,
          .scale = spec.attention_scale};
}

const float* or_null(const std::vector<float>& bias) {
  return bias.empty() ? nullptr : bias.data();
}

}  // namespace

CpuOperations::CpuOperations(std::shared_ptr<const CpuModel> model,
                             const OperationsShape& shape,
                             KvCache cache)
    : model_(std::move(model)),
      shape_(shape),
      team_(shape.num_threads),
      kernels_(path_kernels(shape.path)),
      machine_{.team = &team_, .kernels = &kernels_},
      cache_(std::move(cache)),
      rope_(spec().rope, num_positions(spec(), shape)),
      attention_(attention_shape(spec(), shape.block_size)) {}

Result<std::unique_ptr<CpuOperations>> CpuOperations::make(std::shared_ptr<const CpuModel> model,
                                                           const OperationsShape& shape) {
  const auto& spec = model->source->spec;
  auto cache = KvCache::make(spec, shape.block_size, shape.num_blocks);
  if (!cache) {
    return pass(std::move(cache));
  }
  auto activations = make_activations(spec, shape);
  if (!activations) {
    return pass(std::move(activations));
  }
  std::unique_ptr<CpuOperations> operations(
      new CpuOperations(std::move(model), shape, std::move(*cache)));
  operations->activations_ = std::move(*activations);
  if (auto reserved = operations->reserve_host_tier(); !reserved) {
    return pass(std::move(reserved));
  }
  return operations;
}

Result<void> CpuOperations::reserve_host_tier() {
  if (shape_.num_host_blocks == 0) {
    return {};
  }
  auto tier = KvCache::make(spec(), shape_.block_size, shape_.num_host_blocks);
  if (!tier) {
    return pass(std::move(tier));
  }
  host_tier_ = std::move(*tier);
  return {};
}

Result<void> CpuOperations::move_blocks(const BlockMoves& moves) {
  for (const auto& swap : moves.out) {
    host_tier_.copy_block(cache_, swap.block.value, swap.host_slot);
  }
  for (const auto& swap : moves.in) {
    cache_.copy_block(host_tier_, swap.host_slot, swap.block.value);
  }
  for (const auto& copy : moves.copies) {
    cache_.copy_block(cache_, copy.from.value, copy.to.value);
  }
  return {};
}

Result<CpuOperations::Activations> CpuOperations::make_activations(const ModelSpec& spec,
                                                                   const OperationsShape& shape) {
  Activations made;
  made.hidden_stride = row_stride(spec.hidden_size);
  made.query_stride = row_stride(spec.num_heads * spec.head_size);
  made.intermediate_stride = row_stride(spec.intermediate_size);
  const std::int64_t tokens = shape.max_num_batched_tokens;
  const std::int64_t samples = shape.max_num_seqs;
  const std::int64_t query = std::int64_t{spec.num_heads} * spec.head_size;
  const std::int64_t projected = query + std::int64_t{2} * spec.num_kv_heads * spec.head_size;
  const std::int64_t wide[] = {tokens * spec.hidden_size, tokens * projected,
                               samples * spec.vocab_size};
  const std::int64_t narrow[] = {tokens * made.hidden_stride, tokens * query,
                                 tokens * made.query_stride, tokens * made.intermediate_stride,
                                 samples * made.hidden_stride};
  std::int64_t bytes = 0;
  for (const auto count : wide) {
    bytes += Arena::padded(count * static_cast<std::int64_t>(sizeof(float)));
  }
  for (const auto count : narrow) {
    bytes += Arena::padded(count * static_cast<std::int64_t>(sizeof(Bf16)));
  }
  auto memory = HostMemory::reserve(
      bytes, "a step of " + std::to_string(shape.max_num_batched_tokens) + " tokens");
  if (!memory) {
    return pass(std::move(memory));
  }
  made.arena = Arena(std::move(*memory));
  made.residual = made.arena.take<float>(wide[0]);
  made.projected = made.arena.take<float>(wide[1]);
  made.logits = made.arena.take<float>(wide[2]);
  made.normed = made.arena.take<Bf16>(narrow[0]);
  made.query = made.arena.take<Bf16>(narrow[1]);
  made.attended = made.arena.take<Bf16>(narrow[2]);
  made.activated = made.arena.take<Bf16>(narrow[3]);
  made.sampled = made.arena.take<Bf16>(narrow[4]);
  return made;
}

template <class Work>
void CpuOperations::for_each_token(std::int64_t elements_per_token, const Work& work) {
  const auto num_tokens = batch_->num_tokens();
  const auto on_range = [&](std::int32_t begin, std::int32_t end) {
    for (std::int32_t token = begin; token < end; ++token) {
      work(token);
    }
  };
  if (num_tokens * elements_per_token < kMinSharedElements) {
    on_range(0, num_tokens);
  } else {
    team_.run(num_tokens, on_range);
  }
}

Result<void> CpuOperations::begin(const PackedBatch& batch) {
  TROUPE_CHECK(batch.num_tokens() <= shape_.max_num_batched_tokens,
               "a step has more tokens than were declared");
  TROUPE_CHECK(batch.num_samples() <= shape_.max_num_seqs,
               "a step samples more rows than there are seats");
  for (std::size_t token = 0; token < batch.tokens.size(); ++token) {
    TROUPE_CHECK(batch.tokens[token] >= 0 && batch.tokens[token] < spec().vocab_size,
                 "a token outside the vocabulary");
    TROUPE_CHECK(batch.positions[token] >= 0 && batch.positions[token] < rope_.num_positions(),
                 "a position beyond the model's length");
    TROUPE_CHECK(batch.slot_mapping[token] >= 0 && batch.slot_mapping[token] < cache_.num_slots(),
                 "a slot outside the KV cache");
  }
  for (const auto block : batch.blocks) {
    TROUPE_CHECK(block >= 0 && block < shape_.num_blocks, "a block outside the KV cache");
  }
  batch_ = &batch;
  attention_.begin(batch, shape_.num_threads);
  return {};
}

Result<void> CpuOperations::embed() {
  const auto& embedding = model_->source->weights.embedding;
  const std::int64_t hidden = spec().hidden_size;
  for_each_token(hidden, [&](std::int32_t token) {
    widen_row(embedding, batch_->tokens[static_cast<std::size_t>(token)],
              std::span(activations_.residual + token * hidden, static_cast<std::size_t>(hidden)));
  });
  return {};
}

void CpuOperations::norm_rows(const std::vector<float>& weight) {
  const std::int64_t hidden = spec().hidden_size;
  for_each_token(hidden, [&](std::int32_t token) {
    kernels_.norm({.x = activations_.residual + token * hidden,
                   .weight = weight.data(),
                   .n = spec().hidden_size,
                   .epsilon = spec().norm_epsilon},
                  activations_.normed + token * activations_.hidden_stride);
  });
}

Result<void> CpuOperations::add_attention_norm(std::int32_t layer) {
  norm_rows(model_->layers[static_cast<std::size_t>(layer)].attention_norm);
  return {};
}

Result<void> CpuOperations::add_mlp_norm(std::int32_t layer) {
  norm_rows(model_->layers[static_cast<std::size_t>(layer)].mlp_norm);
  return {};
}

Result<void> CpuOperations::qkv_rope_store(std::int32_t layer) {
  const auto& weights = model_->layers[static_cast<std::size_t>(layer)];
  multiply(machine_,
           {.data = activations_.normed,
            .stride = activations_.hidden_stride,
            .count = batch_->num_tokens()},
           weights.qkv,
           {.data = activations_.projected,
            .stride = weights.qkv.num_outputs,
            .bias = or_null(weights.qkv_bias)});
  for_each_token(weights.qkv.num_outputs,
                 [&](std::int32_t token) { rotate_and_store(layer, token); });
  clear_partners(layer);
  return {};
}

void CpuOperations::rotate_and_store(std::int32_t layer, std::int32_t token) {
  const auto& weights = model_->layers[static_cast<std::size_t>(layer)];
  const auto position = batch_->positions[static_cast<std::size_t>(token)];
  const std::int64_t size = spec().head_size;
  const auto group = spec().num_heads / spec().num_kv_heads;
  float* const projected = activations_.projected + std::int64_t{token} * weights.qkv.num_outputs;
  const auto num_rotated = spec().num_heads + spec().num_kv_heads;
  for (std::int32_t head = 0; head < num_rotated; ++head) {
    float* const x = projected + head * size;
    const auto& norm = head < spec().num_heads ? weights.q_norm : weights.k_norm;
    if (!norm.empty()) {
      kernels_.norm_wide(
          {.x = x, .weight = norm.data(), .n = spec().head_size, .epsilon = spec().norm_epsilon},
          x);
    }
    kernels_.rotate(x, rope_.cosines(position), rope_.sines(position), rope_.half());
  }
  for (std::int32_t kv_head = 0; kv_head < spec().num_kv_heads; ++kv_head) {
    const auto row = std::int64_t{kv_head} * shape_.max_num_batched_tokens + token;
    kernels_.round(projected + kv_head * group * size, activations_.query + row * group * size,
                   group * spec().head_size);
  }
  store_key_value(layer, token, projected + spec().num_heads * size);
}

void CpuOperations::store_key_value(std::int32_t layer, std::int32_t token, float* projected) {
  const auto size = spec().head_size;
  const auto values = std::int64_t{spec().num_kv_heads} * size;
  Bf16 key[kMaxHeadSize];
  Bf16 value[kMaxHeadSize];
  for (std::int32_t kv_head = 0; kv_head < spec().num_kv_heads; ++kv_head) {
    const float* const x = projected + std::int64_t{kv_head} * size;
    kernels_.round(x, key, size);
    kernels_.round(x + values, value, size);
    cache_.store({.layer = layer,
                  .kv_head = kv_head,
                  .slot = batch_->slot_mapping[static_cast<std::size_t>(token)]},
                 key, value);
  }
}

void CpuOperations::clear_partners(std::int32_t layer) {
  for (std::int32_t sequence = 0; sequence < batch_->num_sequences(); ++sequence) {
    const auto end = batch_->query_starts[static_cast<std::size_t>(sequence) + 1];
    for (std::int32_t kv_head = 0; kv_head < spec().num_kv_heads; ++kv_head) {
      cache_.clear_partner({.layer = layer,
                            .kv_head = kv_head,
                            .slot = batch_->slot_mapping[static_cast<std::size_t>(end - 1)]});
    }
  }
}

Result<void> CpuOperations::attention(std::int32_t layer) {
  attention_.run(machine_, cache_,
                 {.query = activations_.query,
                  .max_tokens = shape_.max_num_batched_tokens,
                  .attended = activations_.attended,
                  .attended_stride = activations_.query_stride,
                  .layer = layer});
  return {};
}

Result<void> CpuOperations::attention_output(std::int32_t layer) {
  const auto& weights = model_->layers[static_cast<std::size_t>(layer)];
  multiply_add(machine_,
               {.data = activations_.attended,
                .stride = activations_.query_stride,
                .count = batch_->num_tokens()},
               weights.o,
               {.data = activations_.residual,
                .stride = spec().hidden_size,
                .bias = or_null(weights.o_bias)});
  return {};
}

Result<void> CpuOperations::gate_up(std::int32_t layer) {
  const auto& weights = model_->layers[static_cast<std::size_t>(layer)];
  multiply_gated(machine_,
                 {.data = activations_.normed,
                  .stride = activations_.hidden_stride,
                  .count = batch_->num_tokens()},
                 {.gate = &weights.gate,
                  .up = &weights.up,
                  .gate_bias = or_null(weights.gate_bias),
                  .up_bias = or_null(weights.up_bias)},
                 {.data = activations_.activated, .stride = activations_.intermediate_stride});
  return {};
}

Result<void> CpuOperations::down(std::int32_t layer) {
  const auto& weights = model_->layers[static_cast<std::size_t>(layer)];
  multiply_add(machine_,
               {.data = activations_.activated,
                .stride = activations_.intermediate_stride,
                .count = batch_->num_tokens()},
               weights.down,
               {.data = activations_.residual,
                .stride = spec().hidden_size,
                .bias = or_null(weights.down_bias)});
  return {};
}

Result<void> CpuOperations::logits() {
  const auto num_samples = batch_->num_samples();
  for (std::int32_t row = 0; row < num_samples; ++row) {
    const std::int64_t token = batch_->sampling_rows[static_cast<std::size_t>(row)];
    kernels_.norm({.x = activations_.residual + token * spec().hidden_size,
                   .weight = model_->final_norm.data(),
                   .n = spec().hidden_size,
                   .epsilon = spec().norm_epsilon},
                  activations_.sampled + row * activations_.hidden_stride);
  }
  if (num_samples > 0) {
    multiply(
        machine_,
        {.data = activations_.sampled, .stride = activations_.hidden_stride, .count = num_samples},
        model_->lm_head, {.data = activations_.logits, .stride = spec().vocab_size});
  }
  return {};
}

std::span<float> CpuOperations::logits_row(std::int32_t row) {
  TROUPE_CHECK(batch_ != nullptr && row >= 0 && row < batch_->num_samples(),
               "a row that did not sample has no logits");
  const std::int64_t vocab = spec().vocab_size;
  return {activations_.logits + row * vocab, static_cast<std::size_t>(vocab)};
}

std::span<const float> CpuOperations::residual_row(std::int32_t token) const {
  TROUPE_CHECK(batch_ != nullptr && token >= 0 && token < batch_->num_tokens(),
               "a token that is not of this step");
  const std::int64_t hidden = spec().hidden_size;
  return {activations_.residual + token * hidden, static_cast<std::size_t>(hidden)};
}

}  // namespace troupe::cpu
