#include "kernels/reference/reference_operations.h"

#include "engine/base/check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

namespace troupe {
namespace {

// Partial sums that are added up in a fixed order: as plain as a dot product can be that the
// compiler still vectorises.
constexpr std::size_t kLanes = 8;

float dot(std::span<const float> a, std::span<const float> b) {
  std::array<float, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= a.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      sums[lane] += a[i + lane] * b[i + lane];
    }
  }
  for (; i < a.size(); ++i) {
    sums[i % kLanes] += a[i] * b[i];
  }
  float total = 0.0F;
  for (const auto sum : sums) {
    total += sum;
  }
  return total;
}

template <class T>
std::span<T> row(std::vector<std::remove_const_t<T>>& matrix,
                 std::size_t index,
                 std::size_t width) {
  return std::span<T>(matrix).subspan(index * width, width);
}

// out[n] = weight[n, :] . in (+ bias[n]); weight [N, K], as Hugging Face stores it.
void project(std::span<float> out,
             std::span<const float> in,
             const std::vector<float>& weight,
             const std::vector<float>& bias) {
  const std::span<const float> rows(weight);
  for (std::size_t n = 0; n < out.size(); ++n) {
    out[n] = dot(rows.subspan(n * in.size(), in.size()), in) + (bias.empty() ? 0.0F : bias[n]);
  }
}

void rms_norm(std::span<float> out,
              std::span<const float> in,
              std::span<const float> weight,
              float epsilon) {
  const auto mean = dot(in, in) / static_cast<float>(in.size());
  const auto scale = 1.0F / std::sqrt(mean + epsilon);
  for (std::size_t i = 0; i < in.size(); ++i) {
    out[i] = weight[i] * (in[i] * scale);
  }
}

void softmax(std::span<float> scores) {
  const auto top = *std::max_element(scores.begin(), scores.end());
  float total = 0.0F;
  for (auto& score : scores) {
    score = std::exp(score - top);
    total += score;
  }
  for (auto& score : scores) {
    score /= total;
  }
}

std::size_t index(std::int64_t value) {
  return static_cast<std::size_t>(value);
}

/// Keys or values, [layers, blocks, what a block holds].
struct Pages {
  std::span<float> numbers;
  std::size_t num_layers = 0;
  std::size_t block_width = 0;

  [[nodiscard]] std::span<float> block(std::size_t layer, std::int32_t number) const {
    return numbers.subspan(layer * (numbers.size() / num_layers) + index(number) * block_width,
                           block_width);
  }
};

void copy_block(const Pages& source, std::int32_t from, const Pages& target, std::int32_t to) {
  for (std::size_t layer = 0; layer < source.num_layers; ++layer) {
    std::ranges::copy(source.block(layer, from), target.block(layer, to).begin());
  }
}

}  // namespace

ReferenceOperations::ReferenceOperations(std::shared_ptr<const Model> model,
                                         const ReferenceSizes& sizes)
    : model_(std::move(model)), spec_(model_->spec), weights_(widen(*model_)), sizes_(sizes) {
  const auto num_slots = index(sizes.num_blocks) * index(sizes.block_size);
  keys_.resize(index(spec_.num_layers) * num_slots * kv_width());
  values_.resize(keys_.size());
  const auto num_host_slots = index(sizes.num_host_blocks) * index(sizes.block_size);
  host_keys_.resize(index(spec_.num_layers) * num_host_slots * kv_width());
  host_values_.resize(host_keys_.size());
}

Result<void> ReferenceOperations::move_blocks(const BlockMoves& moves) {
  const auto pages = [this](std::vector<float>& numbers) {
    return Pages{numbers, index(spec_.num_layers), index(sizes_.block_size) * kv_width()};
  };
  const std::array<std::pair<Pages, Pages>, 2> tiers{
      {{pages(keys_), pages(host_keys_)}, {pages(values_), pages(host_values_)}}};
  for (const auto& [device, host] : tiers) {
    for (const auto& swap : moves.out) {
      copy_block(device, swap.block.value, host, swap.host_slot);
    }
    for (const auto& swap : moves.in) {
      copy_block(host, swap.host_slot, device, swap.block.value);
    }
    for (const auto& copy : moves.copies) {
      copy_block(device, copy.from.value, device, copy.to.value);
    }
  }
  return {};
}

Result<void> ReferenceOperations::begin(const PackedBatch& batch) {
  TROUPE_CHECK(batch.num_tokens() <= sizes_.max_num_batched_tokens,
               std::to_string(batch.num_tokens()) + " tokens in a step of at most " +
                   std::to_string(sizes_.max_num_batched_tokens));
  batch_ = &batch;
  for (auto* buffer : {&residual_, &delta_, &normed_}) {
    buffer->resize(num_tokens() * index(spec_.hidden_size));
  }
  query_.resize(num_tokens() * query_width());
  attended_.resize(query_.size());
  activated_.resize(num_tokens() * index(spec_.intermediate_size));
  logits_.resize(index(batch.num_samples()) * index(spec_.vocab_size));
  return {};
}

Result<void> ReferenceOperations::embed() {
  const auto width = index(spec_.hidden_size);
  for (std::size_t token = 0; token < num_tokens(); ++token) {
    const auto from = row<const float>(weights_.embedding, index(batch_->tokens[token]), width);
    std::copy(from.begin(), from.end(), row<float>(residual_, token, width).begin());
  }
  std::fill(delta_.begin(), delta_.end(), 0.0F);
  return {};
}

Result<void> ReferenceOperations::add_attention_norm(std::int32_t layer) {
  add_and_norm(weights_.layers[index(layer)].attention_norm);
  return {};
}

Result<void> ReferenceOperations::qkv_rope_store(std::int32_t layer) {
  const auto& weights = weights_.layers[index(layer)];
  for (std::size_t token = 0; token < num_tokens(); ++token) {
    const auto in = row<const float>(normed_, token, index(spec_.hidden_size));
    const auto query = row<float>(query_, token, query_width());
    const auto key = cached(keys_, layer, batch_->slot_mapping[token]);
    const auto value = cached(values_, layer, batch_->slot_mapping[token]);
    project(query, in, weights.q, weights.q_bias);
    project(key, in, weights.k, weights.k_bias);
    project(value, in, weights.v, weights.v_bias);
    if (spec_.qk_norm == QkNorm::per_head) {
      norm_heads(query, weights.q_norm);
      norm_heads(key, weights.k_norm);
    }
    rotate(query, batch_->positions[token]);
    rotate(key, batch_->positions[token]);
  }
  return {};
}

Result<void> ReferenceOperations::attention(std::int32_t layer) {
  for (std::size_t sequence = 0; sequence < index(batch_->num_sequences()); ++sequence) {
    for (auto token = batch_->query_starts[sequence]; token < batch_->query_starts[sequence + 1];
         ++token) {
      attend(layer, sequence, token);
    }
  }
  return {};
}

Result<void> ReferenceOperations::attention_output(std::int32_t layer) {
  const auto& weights = weights_.layers[index(layer)];
  for (std::size_t token = 0; token < num_tokens(); ++token) {
    project(row<float>(delta_, token, index(spec_.hidden_size)),
            row<const float>(attended_, token, query_width()), weights.o, weights.o_bias);
  }
  return {};
}

Result<void> ReferenceOperations::add_mlp_norm(std::int32_t layer) {
  add_and_norm(weights_.layers[index(layer)].mlp_norm);
  return {};
}

Result<void> ReferenceOperations::gate_up(std::int32_t layer) {
  const auto& weights = weights_.layers[index(layer)];
  std::vector<float> up(index(spec_.intermediate_size));
  for (std::size_t token = 0; token < num_tokens(); ++token) {
    const auto in = row<const float>(normed_, token, index(spec_.hidden_size));
    const auto gate = row<float>(activated_, token, up.size());
    project(gate, in, weights.gate, weights.gate_bias);
    project(up, in, weights.up, weights.up_bias);
    for (std::size_t i = 0; i < up.size(); ++i) {
      gate[i] = gate[i] / (1.0F + std::exp(-gate[i])) * up[i];
    }
  }
  return {};
}

Result<void> ReferenceOperations::down(std::int32_t layer) {
  const auto& weights = weights_.layers[index(layer)];
  for (std::size_t token = 0; token < num_tokens(); ++token) {
    project(row<float>(delta_, token, index(spec_.hidden_size)),
            row<const float>(activated_, token, index(spec_.intermediate_size)), weights.down,
            weights.down_bias);
  }
  return {};
}

Result<void> ReferenceOperations::logits() {
  const auto width = index(spec_.hidden_size);
  const auto& head = spec_.tied_embeddings ? weights_.embedding : weights_.lm_head;
  std::vector<float> normed(width);
  for (std::size_t sample = 0; sample < index(batch_->num_samples()); ++sample) {
    const auto token = index(batch_->sampling_rows[sample]);
    const auto residual = row<float>(residual_, token, width);
    const auto delta = row<const float>(delta_, token, width);
    for (std::size_t i = 0; i < width; ++i) {
      residual[i] += delta[i];
    }
    rms_norm(normed, residual, weights_.final_norm, spec_.norm_epsilon);
    project(logits_row(static_cast<std::int32_t>(sample)), normed, head, {});
  }
  return {};
}

std::span<float> ReferenceOperations::logits_row(std::int32_t sample) {
  TROUPE_CHECK(
      sample >= 0 && sample < batch_->num_samples(),
      "sampling row " + std::to_string(sample) + " of " + std::to_string(batch_->num_samples()));
  return row<float>(logits_, index(sample), index(spec_.vocab_size));
}

std::span<const float> ReferenceOperations::residual_row(std::int32_t token) const {
  const auto width = index(spec_.hidden_size);
  return std::span(residual_).subspan(index(token) * width, width);
}

std::size_t ReferenceOperations::num_tokens() const {
  return batch_->tokens.size();
}

std::size_t ReferenceOperations::query_width() const {
  return index(spec_.num_heads) * index(spec_.head_size);
}

std::size_t ReferenceOperations::kv_width() const {
  return index(spec_.num_kv_heads) * index(spec_.head_size);
}

ReferenceOperations::Row ReferenceOperations::cached(std::vector<float>& cache,
                                                     std::int32_t layer,
                                                     std::int64_t slot) const {
  const auto num_slots = index(sizes_.num_blocks) * index(sizes_.block_size);
  return row<float>(cache, index(layer) * num_slots + index(slot), kv_width());
}

// Pair i of a head is (x[i], x[i + rotary_dim / 2]).
void ReferenceOperations::rotate(Row heads, std::int32_t position) const {
  const auto& rope = spec_.rope;
  const auto half = rope.inverse_frequency.size();
  for (std::size_t pair = 0; pair < half; ++pair) {
    const auto angle = static_cast<float>(position) * rope.inverse_frequency[pair];
    const auto cosine = std::cos(angle) * rope.attention_factor;
    const auto sine = std::sin(angle) * rope.attention_factor;
    for (std::size_t head = 0; head < heads.size(); head += index(spec_.head_size)) {
      auto& first = heads[head + pair];
      auto& second = heads[head + pair + half];
      const auto rotated = first * cosine - second * sine;
      second = second * cosine + first * sine;
      first = rotated;
    }
  }
}

void ReferenceOperations::norm_heads(Row heads, const std::vector<float>& weight) const {
  for (std::size_t head = 0; head < heads.size(); head += weight.size()) {
    const auto values = heads.subspan(head, weight.size());
    rms_norm(values, values, weight, spec_.norm_epsilon);
  }
}

void ReferenceOperations::add_and_norm(const std::vector<float>& weight) {
  const auto width = index(spec_.hidden_size);
  for (std::size_t i = 0; i < residual_.size(); ++i) {
    residual_[i] += delta_[i];
  }
  for (std::size_t token = 0; token < num_tokens(); ++token) {
    rms_norm(row<float>(normed_, token, width), row<const float>(residual_, token, width), weight,
             spec_.norm_epsilon);
  }
}

void ReferenceOperations::attend(std::int32_t layer, std::size_t sequence, std::int32_t token) {
  const auto position = batch_->positions[index(token)];
  const auto* table = &batch_->blocks[index(batch_->table_starts[sequence])];
  slots_.clear();
  for (std::int32_t past = 0; past <= position; ++past) {
    const std::int64_t block = table[past / sizes_.block_size];
    slots_.push_back(block * sizes_.block_size + past % sizes_.block_size);
  }
  const auto head_size = index(spec_.head_size);
  const auto group = index(spec_.num_heads / spec_.num_kv_heads);
  const auto query = row<const float>(query_, index(token), query_width());
  const auto out = row<float>(attended_, index(token), query_width());
  for (std::size_t head = 0; head < index(spec_.num_heads); ++head) {
    attend_head(layer, slots_, query.subspan(head * head_size, head_size),
                out.subspan(head * head_size, head_size), head / group);
  }
}

void ReferenceOperations::attend_head(std::int32_t layer,
                                      std::span<const std::int64_t> slots,
                                      ConstRow query,
                                      Row out,
                                      std::size_t kv_head) {
  const auto offset = kv_head * query.size();
  scores_.clear();
  for (const auto slot : slots) {
    const auto key = cached(keys_, layer, slot).subspan(offset, query.size());
    scores_.push_back(dot(query, key) * spec_.attention_scale);
  }
  softmax(scores_);
  std::fill(out.begin(), out.end(), 0.0F);
  for (std::size_t past = 0; past < slots.size(); ++past) {
    const auto value = cached(values_, layer, slots[past]).subspan(offset, query.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] += scores_[past] * value[i];
    }
  }
}

}  // namespace troupe
