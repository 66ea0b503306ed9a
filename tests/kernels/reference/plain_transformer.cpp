#include "tests/kernels/reference/plain_transformer.h"

#include <cmath>

namespace troupe {
namespace {

using Vector = std::vector<double>;
using Rows = std::vector<Vector>;  // one for each position

std::size_t index(std::int64_t value) {
  return static_cast<std::size_t>(value);
}

Vector times(const std::vector<float>& matrix, const Vector& in, const std::vector<float>& bias) {
  Vector out(matrix.size() / in.size());
  for (std::size_t n = 0; n < out.size(); ++n) {
    out[n] = bias.empty() ? 0.0 : static_cast<double>(bias[n]);
    for (std::size_t k = 0; k < in.size(); ++k) {
      out[n] += static_cast<double>(matrix[n * in.size() + k]) * in[k];
    }
  }
  return out;
}

// Root-mean-square norm of each stretch as long as the weight.
Vector norm(const Vector& in, const std::vector<float>& weight, const ModelSpec& spec) {
  Vector out(in.size());
  for (std::size_t begin = 0; begin < in.size(); begin += weight.size()) {
    double squares = 0.0;
    for (std::size_t i = 0; i < weight.size(); ++i) {
      squares += in[begin + i] * in[begin + i];
    }
    const auto mean = squares / static_cast<double>(weight.size());
    for (std::size_t i = 0; i < weight.size(); ++i) {
      out[begin + i] = in[begin + i] / std::sqrt(mean + static_cast<double>(spec.norm_epsilon)) *
                       static_cast<double>(weight[i]);
    }
  }
  return out;
}

Vector rotated(const Vector& heads, std::size_t position, const ModelSpec& spec) {
  Vector out(heads.size());
  const auto head_size = index(spec.head_size);
  const auto half = head_size / 2;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const auto within = i % head_size;
    const auto angle = static_cast<double>(position) *
                       static_cast<double>(spec.rope.inverse_frequency[within % half]);
    const auto partner = within < half ? -heads[i + half] : heads[i - half];
    out[i] = (heads[i] * std::cos(angle) + partner * std::sin(angle)) *
             static_cast<double>(spec.rope.attention_factor);
  }
  return out;
}

// Softmax-weighted sum of the values up to `position`, head by head.
Vector attended(const Rows& queries,
                const Rows& keys,
                const Rows& values,
                std::size_t position,
                const ModelSpec& spec) {
  const auto head_size = index(spec.head_size);
  const auto group = index(spec.num_heads / spec.num_kv_heads);
  Vector out(queries[position].size(), 0.0);
  for (std::size_t head = 0; head < index(spec.num_heads); ++head) {
    const auto kv = head / group * head_size;
    double total = 0.0;
    for (std::size_t past = 0; past <= position; ++past) {
      double score = 0.0;
      for (std::size_t i = 0; i < head_size; ++i) {
        score += queries[position][head * head_size + i] * keys[past][kv + i];
      }
      const auto weight = std::exp(score / std::sqrt(static_cast<double>(head_size)));
      total += weight;
      for (std::size_t i = 0; i < head_size; ++i) {
        out[head * head_size + i] += weight * values[past][kv + i];
      }
    }
    for (std::size_t i = 0; i < head_size; ++i) {
      out[head * head_size + i] /= total;
    }
  }
  return out;
}

void add(Vector& to, const Vector& what) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] += what[i];
  }
}

void add_attention(Rows& residual, const ReferenceLayer& layer, const ModelSpec& spec) {
  Rows queries;
  Rows keys;
  Rows values;
  for (std::size_t position = 0; position < residual.size(); ++position) {
    const auto in = norm(residual[position], layer.attention_norm, spec);
    auto query = times(layer.q, in, layer.q_bias);
    auto key = times(layer.k, in, layer.k_bias);
    if (spec.qk_norm == QkNorm::per_head) {
      query = norm(query, layer.q_norm, spec);
      key = norm(key, layer.k_norm, spec);
    }
    queries.push_back(rotated(query, position, spec));
    keys.push_back(rotated(key, position, spec));
    values.push_back(times(layer.v, in, layer.v_bias));
  }
  for (std::size_t position = 0; position < residual.size(); ++position) {
    add(residual[position],
        times(layer.o, attended(queries, keys, values, position, spec), layer.o_bias));
  }
}

void add_mlp(Vector& residual, const ReferenceLayer& layer, const ModelSpec& spec) {
  const auto in = norm(residual, layer.mlp_norm, spec);
  auto gate = times(layer.gate, in, layer.gate_bias);
  const auto up = times(layer.up, in, layer.up_bias);
  for (std::size_t i = 0; i < gate.size(); ++i) {
    gate[i] *= up[i] / (1.0 + std::exp(-gate[i]));
  }
  add(residual, times(layer.down, gate, layer.down_bias));
}

}  // namespace

std::vector<double> plain_logits(const ModelSpec& spec,
                                 const ReferenceWeights& weights,
                                 const std::vector<TokenId>& tokens) {
  Rows residual;
  for (const auto token : tokens) {
    const auto* row = &weights.embedding[index(token) * index(spec.hidden_size)];
    residual.emplace_back(row, row + spec.hidden_size);
  }
  for (const auto& layer : weights.layers) {
    add_attention(residual, layer, spec);
    for (auto& position : residual) {
      add_mlp(position, layer, spec);
    }
  }
  const auto& head = weights.lm_head.empty() ? weights.embedding : weights.lm_head;
  return times(head, norm(residual.back(), weights.final_norm, spec), {});
}

}  // namespace troupe
