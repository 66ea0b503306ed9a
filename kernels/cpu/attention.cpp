// One piece walks the keys that its last row sees, tile after tile; a tile's pages stay in the
// nearest cache while all groups of rows pass over them. A key that a row does not see gets the
// weight 0, which leaves its sums as they were.
#include "kernels/cpu/attention.h"

#include <algorithm>
#include <limits>

namespace troupe::cpu {
namespace {

constexpr std::int32_t kPieceRows = 4 * kAttentionRows;
// Below this many products a second thread costs more than it gives.
constexpr std::int64_t kMinSharedProducts = 1 << 16;

float sum_of(const SoftmaxState& state) {
  float values[kVectorColumns];
  std::copy(std::begin(state.sums), std::end(state.sums), values);
  for (std::int32_t width = kVectorColumns / 2; width > 0; width /= 2) {
    for (std::int32_t i = 0; i < width; ++i) {
      values[i] = values[i] + values[i + width];
    }
  }
  return values[0];
}

}  // namespace

/// One piece's walk over its keys, with the sums of its rows.
class Attention::Walk {
 public:
  Walk(const Attention& attention,
       const PathKernels& kernels,
       const KvCache& cache,
       const AttentionArgs& args,
       const Piece& piece)
      : shape_(attention.shape_),
        batch_(*attention.batch_),
        kernels_(kernels),
        cache_(cache),
        args_(args),
        piece_(piece),
        width_(cache.width()),
        first_token_(batch_.query_starts[static_cast<std::size_t>(piece.sequence)]) {}

  void run() {
    for (std::int32_t row = 0; row < piece_.num_rows; ++row) {
      states_[row].largest = -std::numeric_limits<float>::infinity();
    }
    std::fill_n(sums_, piece_.num_rows * width_, 0.0F);
    const auto num_keys = keys_seen(piece_.num_rows - 1);
    for (std::int32_t first_key = 0; first_key < num_keys; first_key += kTileKeys) {
      find_pages(first_key, std::min(num_keys - first_key, kTileKeys));
      for (std::int32_t row = 0; row < piece_.num_rows; row += kAttentionRows) {
        walk_tile(first_key, row, std::min(kAttentionRows, piece_.num_rows - row));
      }
    }
    finish();
  }

 private:
  [[nodiscard]] std::int32_t token(std::int32_t row) const {
    return first_token_ + (piece_.first_row + row) / shape_.group();
  }

  [[nodiscard]] std::int32_t keys_seen(std::int32_t row) const {
    return batch_.positions[static_cast<std::size_t>(token(row))] + 1;
  }

  void find_pages(std::int32_t first_key, std::int32_t num_keys) {
    const auto table = batch_.table_starts[static_cast<std::size_t>(piece_.sequence)];
    const auto pages_per_block = shape_.block_size / kPageTokens;
    for (std::int32_t i = 0; i * kPageTokens < num_keys; ++i) {
      const auto number = first_key / kPageTokens + i;
      const auto entry = static_cast<std::size_t>(table + number / pages_per_block);
      const auto page =
          std::int64_t{batch_.blocks[entry]} * pages_per_block + number % pages_per_block;
      keys_[i] = cache_.keys(args_.layer, page, piece_.kv_head);
      values_[i] = cache_.values(args_.layer, page, piece_.kv_head);
    }
  }

  void walk_tile(std::int32_t first_key, std::int32_t row, std::int32_t num_rows) {
    const auto seen = std::min(keys_seen(row + num_rows - 1) - first_key, kTileKeys);
    if (seen <= 0) {
      return;  // the rows of this group end before the tile
    }
    ScoreArgs scoring{.query = query(row),
                      .query_stride = shape_.head_size,
                      .scores = scores_,
                      .rows = num_rows,
                      .num_pages = (seen + kPageTokens - 1) / kPageTokens,
                      .pairs = shape_.head_size / 2};
    ValueArgs summing{.weights = weights_,
                      .corrections = corrections_,
                      .sums = sums_ + std::int64_t{row} * width_,
                      .rows = num_rows,
                      .pairs = (seen + 1) / 2,
                      .width = width_};
    std::copy(std::begin(keys_), std::end(keys_), scoring.pages);
    std::copy(std::begin(values_), std::end(values_), summing.pages);
    kernels_.scores(scoring);
    for (std::int32_t r = 0; r < num_rows; ++r) {
      kernels_.softmax({.scores = scores_ + r * kTileKeys,
                        .weights = weights_ + r * kTileKeys,
                        .correction = corrections_ + r,
                        .state = states_ + row + r,
                        .scale_log2 = shape_.scale * kLog2e,
                        .num_keys = std::clamp(keys_seen(row + r) - first_key, 0, kTileKeys)});
    }
    kernels_.values(summing);
  }

  [[nodiscard]] const Bf16* query(std::int32_t row) const {
    const auto group = shape_.group();
    const auto index =
        (piece_.kv_head * args_.max_tokens + first_token_) * group + piece_.first_row + row;
    return args_.query + index * shape_.head_size;
  }

  void finish() {
    const auto group = shape_.group();
    for (std::int32_t row = 0; row < piece_.num_rows; ++row) {
      const auto head = piece_.kv_head * group + (piece_.first_row + row) % group;
      kernels_.scale(sums_ + std::int64_t{row} * width_, 1.0F / sum_of(states_[row]),
                     args_.attended + token(row) * args_.attended_stride +
                         std::int64_t{head} * shape_.head_size,
                     shape_.head_size);
    }
  }

  static constexpr float kLog2e = 1.44269504F;

  const AttentionShape& shape_;
  const PackedBatch& batch_;
  const PathKernels& kernels_;
  const KvCache& cache_;
  const AttentionArgs& args_;
  const Piece piece_;
  const std::int32_t width_;
  const std::int32_t first_token_;  // of the sequence, in the batch
  const Bf16* keys_[kTilePages] = {};
  const Bf16* values_[kTilePages] = {};
  SoftmaxState states_[kPieceRows];
  float corrections_[kAttentionRows] = {};
  alignas(64) float scores_[kAttentionRows * kTileKeys];
  alignas(64) Bf16 weights_[kAttentionRows * kTileKeys];
  alignas(64) float sums_[kPieceRows * kMaxHeadSize];
};

void Attention::begin(const PackedBatch& batch) {
  batch_ = &batch;
  pieces_.clear();
  num_products_ = 0;
  const auto group = shape_.group();
  for (std::int32_t sequence = 0; sequence < batch.num_sequences(); ++sequence) {
    const auto s = static_cast<std::size_t>(sequence);
    const auto num_rows = (batch.query_starts[s + 1] - batch.query_starts[s]) * group;
    const auto num_pieces = (num_rows + kPieceRows - 1) / kPieceRows;
    for (std::int32_t i = num_pieces - 1; i >= 0; --i) {
      const auto first = i * kPieceRows;
      for (std::int32_t kv_head = 0; kv_head < shape_.num_kv_heads; ++kv_head) {
        pieces_.push_back({.sequence = sequence,
                           .kv_head = kv_head,
                           .first_row = first,
                           .num_rows = std::min(kPieceRows, num_rows - first)});
      }
    }
    num_products_ += std::int64_t{num_rows} * shape_.num_kv_heads * batch.context_lengths[s] * 2 *
                     shape_.head_size;
  }
}

void Attention::run(const Machine& machine, const KvCache& cache, const AttentionArgs& args) const {
  const auto walk = [&](std::int32_t begin, std::int32_t end) {
    for (std::int32_t i = begin; i < end; ++i) {
      Walk(*this, *machine.kernels, cache, args, pieces_[static_cast<std::size_t>(i)]).run();
    }
  };
  const auto num_pieces = static_cast<std::int32_t>(pieces_.size());
  if (num_products_ < kMinSharedProducts) {
    walk(0, num_pieces);
  } else {
    machine.team->run(num_pieces, walk);
  }
}

}  // namespace troupe::cpu
