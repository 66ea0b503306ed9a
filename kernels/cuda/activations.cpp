#include "kernels/cuda/activations.h"

#include "kernels/cuda/rope_store.h"
#include "kernels/cuda/status.h"

#include <functional>
#include <utility>

namespace troupe::cuda {
namespace {

constexpr std::size_t kAlignment = 256;

// Adds up what is asked for, then hands out the addresses.
class Arena {
 public:
  template <class T>
  void add(T*& pointer, std::int64_t count) {
    const auto offset = num_bytes_;
    num_bytes_ +=
        (static_cast<std::size_t>(count) * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    placed_.push_back(
        [&pointer, offset](std::byte* base) { pointer = reinterpret_cast<T*>(base + offset); });
  }

  [[nodiscard]] std::size_t num_bytes() const { return num_bytes_; }

  void place(std::byte* base) const {
    for (const auto& place_one : placed_) {
      place_one(base);
    }
  }

 private:
  std::size_t num_bytes_ = 0;
  std::vector<std::function<void(std::byte*)>> placed_;
};

void lay_out(Arena& arena, Activations& to, const ModelSpec& spec, const ActivationLimits& limits) {
  const std::int64_t tokens = limits.num_tokens;
  const std::int64_t seats = limits.num_seats;
  const std::int64_t items = limits.num_decode_items;
  const std::int64_t hidden = spec.hidden_size;
  const std::int64_t query = std::int64_t{spec.num_heads} * spec.head_size;
  const std::int64_t key = std::int64_t{spec.num_kv_heads} * spec.head_size;
  arena.add(to.residual, tokens * hidden);
  arena.add(to.normed, tokens * hidden);
  arena.add(to.delta, tokens * hidden);
  arena.add(to.qkv, tokens * (query + 2 * key));
  arena.add(to.attended, tokens * query);
  arena.add(to.gate_up, tokens * 2 * spec.intermediate_size);
  arena.add(to.activated, tokens * spec.intermediate_size);
  arena.add(to.sample_normed, seats * hidden);
  arena.add(to.logits, seats * spec.vocab_size);
  arena.add(to.adjusted, seats * spec.vocab_size);
  arena.add(to.counts, seats * spec.vocab_size);
  arena.add(to.weights, seats * spec.vocab_size);
  arena.add(to.outcomes, seats);
  arena.add(to.top_logits, seats * kMaxTopLogprobs);
  arena.add(to.partial_values, items * query);
  arena.add(to.partial_sums, items * spec.num_heads);
  arena.add(to.arrived, seats * spec.num_kv_heads);
  arena.add(to.tables, seats * limits.table_width);
  arena.add(to.rope, std::int64_t{limits.max_model_len} * (spec.rope.rotary_dim / 2));
  arena.add(to.seats.sampling, seats);
  arena.add(to.seats.biases, seats * kMaxBiases);
  arena.add(to.seats.end_tokens, seats * kMaxEndTokens);
  arena.add(to.seats.last_token, seats);
  arena.add(to.seats.history, seats * limits.max_model_len);
  to.seats.history_size = limits.max_model_len;
}

Result<void> fill_rope_table(const Activations& activations,
                             const Rope& rope,
                             std::int32_t num_positions) {
  const auto num_bytes = rope.inverse_frequency.size() * sizeof(float);
  auto frequencies = allocate_device(num_bytes, "rotary frequencies");
  if (!frequencies) {
    return pass(std::move(frequencies));
  }
  if (auto copied = check(cudaMemcpy(frequencies->data(), rope.inverse_frequency.data(), num_bytes,
                                     cudaMemcpyHostToDevice),
                          "cudaMemcpy");
      !copied) {
    return copied;
  }
  const RopeTableArgs args{.inverse_frequency = frequencies->as<float>(),
                           .table = activations.rope,
                           .attention_factor = rope.attention_factor,
                           .num_positions = num_positions,
                           .num_pairs = rope.rotary_dim / 2};
  if (auto filled = rope_table(args, cudaStreamLegacy); !filled) {
    return filled;
  }
  return check(cudaStreamSynchronize(cudaStreamLegacy), "rope_table");
}

}  // namespace

Result<Activations> make_activations(const ModelSpec& spec, const ActivationLimits& limits) {
  Activations activations;
  Arena arena;
  lay_out(arena, activations, spec, limits);
  auto memory = allocate_device(arena.num_bytes(), "activations at the declared maxima");
  if (!memory) {
    return pass(std::move(memory));
  }
  activations.memory = *std::move(memory);
  arena.place(activations.memory.data());
  if (auto zeroed =
          check(cudaMemset(activations.memory.data(), 0, arena.num_bytes()), "cudaMemset");
      !zeroed) {
    return pass(std::move(zeroed));
  }
  if (auto filled = fill_rope_table(activations, spec.rope, limits.max_model_len); !filled) {
    return pass(std::move(filled));
  }
  return activations;
}

}  // namespace troupe::cuda
