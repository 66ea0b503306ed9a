#include "kernels/cuda/attention.h"

#include "kernels/cuda/attention_work.h"

#include "tests/kernels/cuda/device_array.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace troupe::cuda {
namespace {

constexpr std::int32_t kMaxSplits = 1024;

struct Heads {
  std::int32_t kv_heads, group, head_size;
};

// One sequence: all its keys and values, and queries for the last tokens of its context.
struct Sequence {
  std::int32_t query_length, context;
};

// Sequences with random queries, keys and values, scattered over a paged cache whose every other
// value is NaN.
class AttentionCase {
 public:
  AttentionCase(Heads heads, std::vector<Sequence> sequences, std::uint32_t seed)
      : heads_(heads), sequences_(std::move(sequences)), random_(seed) {
    layer_ = {.data = nullptr, .num_kv_heads = heads.kv_heads, .head_size = heads.head_size};
    std::int32_t num_blocks = 0;
    for (const auto& sequence : sequences_) {
      width_ = std::max(width_, (sequence.context + 63) / 64 * 4);
      num_blocks += (sequence.context + 15) / 16;
    }
    order_.resize(static_cast<std::size_t>(num_blocks));
    std::iota(order_.begin(), order_.end(), 0);
    std::shuffle(order_.begin(), order_.end(), random_);
    cache_.assign(static_cast<std::size_t>(num_blocks * layer_.block_size()),
                  __float2bfloat16(std::numeric_limits<float>::quiet_NaN()));
    tables_.assign(sequences_.size() * static_cast<std::size_t>(width_), 0);
    for (std::size_t index = 0; index < sequences_.size(); ++index) {
      fill(index);
    }
  }

  [[nodiscard]] std::int32_t num_heads() const { return heads_.kv_heads * heads_.group; }

  // What the device makes of the queries [skip, length) of each sequence that is in `chosen`, as if
  // `skip` tokens had come in an earlier step and `drop` were to come in a later one.
  struct Part {
    std::size_t sequence;
    std::int32_t skip, drop;
  };

  [[nodiscard]] std::vector<Bf16> run(const std::vector<Part>& parts,
                                      std::int32_t max_decode_splits = kMaxSplits,
                                      std::int32_t decode_blocks = 528) const;

  [[nodiscard]] std::vector<Part> all() const {
    std::vector<Part> parts;
    for (std::size_t index = 0; index < sequences_.size(); ++index) {
      parts.push_back({index, 0, 0});
    }
    return parts;
  }

  [[nodiscard]] std::vector<double> expected() const;

 private:
  using Rows = std::vector<Bf16>;

  [[nodiscard]] std::size_t query_width() const {
    return static_cast<std::size_t>(num_heads()) * static_cast<std::size_t>(heads_.head_size);
  }

  [[nodiscard]] std::size_t kv_index(std::int32_t token,
                                     std::int32_t head,
                                     std::int32_t element) const {
    return static_cast<std::size_t>((token * heads_.kv_heads + head) * heads_.head_size + element);
  }

  void fill(std::size_t index) {
    const auto& sequence = sequences_[index];
    const auto kv_size = static_cast<std::size_t>(sequence.context * heads_.kv_heads) *
                         static_cast<std::size_t>(heads_.head_size);
    queries_.push_back(random_bf16(static_cast<std::size_t>(sequence.query_length) * query_width(),
                                   2.0F, random_));
    keys_.push_back(random_bf16(kv_size, 2.0F, random_));
    values_.push_back(random_bf16(kv_size, 2.0F, random_));
    for (std::int32_t token = 0; token < sequence.context; ++token) {
      if (token % 16 == 0) {
        tables_[index * static_cast<std::size_t>(width_) + static_cast<std::size_t>(token / 16)] =
            order_[next_block_++];
      }
      store(index, token, order_[next_block_ - 1]);
    }
  }

  void store(std::size_t index, std::int32_t token, std::int32_t block) {
    for (std::int32_t head = 0; head < heads_.kv_heads; ++head) {
      for (std::int32_t element = 0; element < heads_.head_size; ++element) {
        const auto chunk = permuted_chunk(heads_.head_size, token % 16, element / kChunk);
        const auto place = layer_.key_page(block, head) + token % 16 * heads_.head_size +
                           chunk * kChunk + element % kChunk;
        const auto from = kv_index(token, head, element);
        cache_[static_cast<std::size_t>(place)] = keys_[index][from];
        cache_[static_cast<std::size_t>(place + layer_.value_offset())] = values_[index][from];
      }
    }
  }

  Heads heads_;
  std::vector<Sequence> sequences_;
  std::mt19937 random_;
  KvLayer layer_;
  std::int32_t width_ = 0;
  std::vector<std::int32_t> order_;
  std::size_t next_block_ = 0;
  std::vector<Bf16> cache_;
  std::vector<std::int32_t> tables_;
  std::vector<Rows> queries_, keys_, values_;
};

std::vector<Bf16> AttentionCase::run(const std::vector<Part>& parts,
                                     std::int32_t max_decode_splits,
                                     std::int32_t decode_blocks) const {
  PackedBatch batch;
  batch.query_starts.push_back(0);
  std::vector<std::int32_t> seats, starts, lengths;
  std::vector<Bf16> queries;
  for (const auto& part : parts) {
    const auto& sequence = sequences_[part.sequence];
    const auto length = sequence.query_length - part.skip - part.drop;
    const auto& rows = queries_[part.sequence];
    const auto width = static_cast<std::int64_t>(query_width());
    queries.insert(queries.end(), rows.begin() + part.skip * width,
                   rows.begin() + (part.skip + length) * width);
    seats.push_back(static_cast<std::int32_t>(part.sequence));
    starts.push_back(batch.query_starts.back());
    lengths.push_back(length);
    batch.query_starts.push_back(batch.query_starts.back() + length);
    batch.context_lengths.push_back(sequence.context - part.drop);
  }
  AttentionWork work;
  plan_attention(work, batch,
                 {.num_kv_heads = heads_.kv_heads,
                  .group = heads_.group,
                  .max_decode_splits = max_decode_splits,
                  .decode_blocks = decode_blocks});
  std::size_t num_splits = 0;
  for (const auto& item : work.decode) {
    num_splits += static_cast<std::size_t>(item.num_splits);
  }
  const auto stride = static_cast<std::size_t>(num_heads() * heads_.head_size);
  const DeviceArray<Bf16> query(queries);
  const DeviceArray<Bf16> cache(cache_);
  const DeviceArray<std::int32_t> tables(tables_);
  const DeviceArray<std::int32_t> seats_on_device(seats);
  const DeviceArray<std::int32_t> starts_on_device(starts);
  const DeviceArray<std::int32_t> lengths_on_device(lengths);
  const DeviceArray<std::int32_t> contexts(batch.context_lengths);
  const DeviceArray<Bf16> attended(queries.size());
  auto layer = layer_;
  layer.data = cache.data();
  const AttentionInput input{.query = query.data(),
                             .query_stride = static_cast<std::int32_t>(stride),
                             .num_heads = num_heads(),
                             .cache = layer,
                             .scale = 1.0F / std::sqrt(static_cast<float>(heads_.head_size)),
                             .tables = tables.data(),
                             .table_width = width_,
                             .seats = seats_on_device.data(),
                             .query_starts = starts_on_device.data(),
                             .query_lengths = lengths_on_device.data(),
                             .context_lengths = contexts.data()};
  const DeviceArray<PrefillItem> prefill_items(work.prefill);
  require(prefill_attention({.input = input,
                             .items = prefill_items.data(),
                             .num_items = static_cast<std::int32_t>(work.prefill.size()),
                             .attended = attended.data()},
                            nullptr));
  const auto num_items = static_cast<std::int32_t>(work.decode.size());
  const DeviceArray<DecodeItem> decode_items(work.decode);
  const DeviceArray<std::int32_t> count(std::vector<std::int32_t>{num_items});
  const DeviceArray<float> partial(num_splits * stride);
  const DeviceArray<float2> sums(num_splits * static_cast<std::size_t>(num_heads()));
  const std::vector<std::int32_t> zeros(parts.size() * static_cast<std::size_t>(heads_.kv_heads));
  const DeviceArray<std::int32_t> arrived(zeros);
  if (num_items > 0) {
    require(decode_attention({.input = input,
                              .items = decode_items.data(),
                              .num_items = count.data(),
                              .max_items = num_items,
                              .partial_values = partial.data(),
                              .partial_sums = sums.data(),
                              .arrived = arrived.data(),
                              .attended = attended.data(),
                              .num_blocks = require(decode_attention_blocks(heads_.head_size))},
                             nullptr));
  }
  CHECK(arrived.values() == zeros);
  return attended.values();
}

std::vector<double> AttentionCase::expected() const {
  std::vector<double> attended;
  const auto size = static_cast<std::size_t>(heads_.head_size);
  const auto scale = 1.0 / std::sqrt(static_cast<double>(heads_.head_size));
  for (std::size_t index = 0; index < sequences_.size(); ++index) {
    const auto& sequence = sequences_[index];
    for (std::int32_t token = 0; token < sequence.query_length; ++token) {
      for (std::int32_t head = 0; head < num_heads(); ++head) {
        const auto* query =
            &queries_[index][static_cast<std::size_t>(token * num_heads() + head) * size];
        const auto num_keys = sequence.context - sequence.query_length + token + 1;
        std::vector<double> weights;
        for (std::int32_t key = 0; key < num_keys; ++key) {
          const auto* row = &keys_[index][kv_index(key, head / heads_.group, 0)];
          double score = 0.0;
          for (std::size_t i = 0; i < size; ++i) {
            score += wide(query[i]) * wide(row[i]);
          }
          weights.push_back(score * scale);
        }
        const auto top = *std::max_element(weights.begin(), weights.end());
        double sum = 0.0;
        for (auto& weight : weights) {
          weight = std::exp(weight - top);
          sum += weight;
        }
        std::vector<double> row(size);
        for (std::int32_t key = 0; key < num_keys; ++key) {
          const auto* value = &values_[index][kv_index(key, head / heads_.group, 0)];
          for (std::size_t i = 0; i < size; ++i) {
            row[i] += weights[static_cast<std::size_t>(key)] / sum * wide(value[i]);
          }
        }
        attended.insert(attended.end(), row.begin(), row.end());
      }
    }
  }
  return attended;
}

}  // namespace

TEST_CASE("CUDA decode attention is what float64 says, at every edge of page, tile and split") {
  std::uint32_t seed = 21;
  for (const auto& heads : {Heads{2, 1, 64}, Heads{2, 2, 64}, Heads{1, 3, 128}, Heads{2, 4, 128},
                            Heads{1, 8, 64}, Heads{1, 5, 96}, Heads{1, 16, 128}}) {
    CAPTURE(heads.group);
    CAPTURE(heads.head_size);
    std::vector<Sequence> sequences;
    for (const std::int32_t context : {1, 15, 16, 17, 63, 64, 65, 255, 256, 257, 700, 1300}) {
      sequences.push_back({1, context});
    }
    const AttentionCase attention(heads, sequences, ++seed);
    const auto expected = attention.expected();
    CHECK(distance(attention.run(attention.all()), expected) < kBf16Distance);
    // Few blocks: some take whole sequences, some a part of one.
    CHECK(distance(attention.run(attention.all(), kMaxSplits, 2), expected) < kBf16Distance);
  }
}

TEST_CASE("CUDA prefill attention is what float64 says, for chunks of any length") {
  std::uint32_t seed = 31;
  for (const auto& heads : {Heads{2, 1, 64}, Heads{1, 2, 128}, Heads{2, 3, 64}, Heads{1, 4, 128},
                            Heads{1, 8, 64}, Heads{1, 5, 96}}) {
    CAPTURE(heads.group);
    CAPTURE(heads.head_size);
    const AttentionCase attention(
        heads, {{2, 2}, {17, 17}, {64, 64}, {65, 65}, {3, 300}, {33, 289}, {130, 643}}, ++seed);
    CHECK(distance(attention.run(attention.all()), attention.expected()) < kBf16Distance);
  }
}

TEST_CASE(
    "a CUDA attention row has the same bits in decode, in prefill, in chunks and beside others") {
  std::uint32_t seed = 41;
  for (const auto& heads : {Heads{2, 1, 128}, Heads{1, 4, 128}, Heads{2, 3, 64}, Heads{1, 5, 96}}) {
    CAPTURE(heads.group);
    CAPTURE(heads.head_size);
    const AttentionCase attention(heads, {{90, 600}, {70, 70}, {1, 513}}, ++seed);
    const auto whole = bits_of(attention.run({{0, 0, 0}}));
    const auto width = static_cast<std::int64_t>(attention.num_heads()) * heads.head_size;

    for (const std::int32_t cut : {1, 16, 37, 64, 89}) {
      CAPTURE(cut);
      const auto first = bits_of(attention.run({{1, 0, 0}, {0, 0, 90 - cut}, {2, 0, 0}}));
      const auto second = bits_of(attention.run({{2, 0, 0}, {0, cut, 0}}));
      CHECK(std::equal(whole.begin(), whole.begin() + cut * width, first.begin() + 70 * width));
      CHECK(std::equal(whole.begin() + cut * width, whole.end(), second.begin() + width));
    }
    for (const std::int32_t row : {0, 1, 15, 50, 89}) {
      CAPTURE(row);
      const std::vector<AttentionCase::Part> part = {{0, row, 89 - row}};
      const auto expected = whole.begin() + row * width;
      const auto decoded = bits_of(attention.run(part));
      const auto without_scratch = bits_of(attention.run(part, 0));
      const auto in_one_block = bits_of(attention.run(part, kMaxSplits, 0));
      CHECK(std::equal(expected, expected + width, decoded.begin()));
      CHECK(std::equal(expected, expected + width, without_scratch.begin()));
      CHECK(std::equal(expected, expected + width, in_one_block.begin()));
    }
  }
}

}  // namespace troupe::cuda
