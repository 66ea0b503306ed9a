// One piece walks the keys that its last row sees, tile after tile; a tile's pages stay in the
// nearest cache while all groups of rows pass over them, and the next tile's are on their way. A
// key that a row does not see gets the weight 0, which leaves its sums as they were.
#include "kernels/cpu/attention.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe::cpu {
namespace {

constexpr std::int32_t kSegmentKeys = 512;
static_assert(kSegmentKeys % kTileKeys == 0);

// Below this many products a second thread costs more than it gives.
constexpr std::int64_t kMinSharedProducts = 1 << 16;

// With fewer pieces a thread, some threads would have nothing to do while others have twice as
// much.
constexpr std::int32_t kMinPiecesPerThread = 4;

// Sums that wait to be joined: 16 MB. Beyond it pieces are not cut.
constexpr std::int64_t kMaxCutValues = std::int64_t{1} << 22U;

constexpr float kLog2e = 1.44269504F;

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

/// One piece's walk over its keys.
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

  /// `next` is the piece whose turn comes afterwards: its first keys are fetched at the end.
  /// `spare` is written where there is more than one segment.
  void run(const Piece& next, const Sums& sums, const Sums& spare) {
    find_pages(piece_, piece_.first_segment * kSegmentKeys, next_pages_);
    walk_segment(piece_.first_segment, next, sums);
    for (auto segment = piece_.first_segment + 1; segment < piece_.end_segment; ++segment) {
      walk_segment(segment, next, spare);
      join(segment, spare, sums);
    }
  }

  /// Adds what `later`, the sums of `segment`, gives to the rows that see any of it.
  void join(std::int32_t segment, const Sums& later, const Sums& sums) const {
    for (std::int32_t row = 0; row < piece_.num_rows; ++row) {
      if (keys_seen(row) > segment * kSegmentKeys) {
        kernels_.join({.later = later.states + row,
                       .later_sums = later.values + std::int64_t{row} * width_,
                       .state = sums.states + row,
                       .sums = sums.values + std::int64_t{row} * width_,
                       .scale_log2 = shape_.scale * kLog2e,
                       .width = width_});
      }
    }
  }

  /// Divides, rounds, and puts the rows where they belong.
  void finish(const Sums& sums) const {
    const auto group = shape_.group();
    for (std::int32_t row = 0; row < piece_.num_rows; ++row) {
      const auto head = piece_.kv_head * group + (piece_.first_row + row) % group;
      kernels_.scale(sums.values + std::int64_t{row} * width_, 1.0F / sum_of(sums.states[row]),
                     args_.attended + token(row) * args_.attended_stride +
                         std::int64_t{head} * shape_.head_size,
                     shape_.head_size);
    }
  }

 private:
  /// The pages of one tile. Behind the last key there are none: the last page stands for them.
  struct TilePages {
    const Bf16* keys[kTilePages] = {};
    const Bf16* values[kTilePages] = {};
  };

  [[nodiscard]] std::int32_t token(std::int32_t row) const {
    return first_token_ + (piece_.first_row + row) / shape_.group();
  }

  [[nodiscard]] std::int32_t keys_seen(std::int32_t row) const {
    return batch_.positions[static_cast<std::size_t>(token(row))] + 1;
  }

  void find_pages(const Piece& piece, std::int32_t first_key, TilePages& pages) const {
    const auto sequence = static_cast<std::size_t>(piece.sequence);
    const auto table = batch_.table_starts[sequence];
    const auto last_page = (batch_.context_lengths[sequence] - 1) / kPageTokens;
    const auto pages_per_block = shape_.block_size / kPageTokens;
    for (std::int32_t i = 0; i < kTilePages; ++i) {
      const auto number = std::min(first_key / kPageTokens + i, last_page);
      const auto entry = static_cast<std::size_t>(table + number / pages_per_block);
      const auto page =
          std::int64_t{batch_.blocks[entry]} * pages_per_block + number % pages_per_block;
      pages.keys[i] = cache_.keys(args_.layer, page, piece.kv_head);
      pages.values[i] = cache_.values(args_.layer, page, piece.kv_head);
    }
  }

  void walk_segment(std::int32_t segment, const Piece& next, const Sums& sums) {
    for (std::int32_t row = 0; row < piece_.num_rows; ++row) {
      sums.states[row] = {.largest = -std::numeric_limits<float>::infinity()};
    }
    std::fill_n(sums.values, piece_.num_rows * width_, 0.0F);
    const auto last_key =
        std::min(keys_seen(piece_.num_rows - 1), piece_.end_segment * kSegmentKeys);
    const auto end = std::min((segment + 1) * kSegmentKeys, last_key);
    for (auto first_key = segment * kSegmentKeys; first_key < end; first_key += kTileKeys) {
      pages_ = next_pages_;
      const auto next_key = first_key + kTileKeys;
      if (next_key < last_key) {
        find_pages(piece_, next_key, next_pages_);
      } else {
        find_pages(next, next.first_segment * kSegmentKeys, next_pages_);
      }
      for (std::int32_t row = 0; row < piece_.num_rows; row += kAttentionRows) {
        walk_tile(first_key, row, std::min(kAttentionRows, piece_.num_rows - row), sums);
      }
    }
  }

  void walk_tile(std::int32_t first_key,
                 std::int32_t row,
                 std::int32_t num_rows,
                 const Sums& sums) {
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
                      .sums = sums.values + std::int64_t{row} * width_,
                      .rows = num_rows,
                      .pairs = (seen + 1) / 2,
                      .width = width_};
    std::copy(std::begin(pages_.keys), std::end(pages_.keys), scoring.pages);
    std::copy(std::begin(next_pages_.keys), std::end(next_pages_.keys), scoring.ahead);
    std::copy(std::begin(pages_.values), std::end(pages_.values), summing.pages);
    std::copy(std::begin(next_pages_.values), std::end(next_pages_.values), summing.ahead);
    kernels_.scores(scoring);
    for (std::int32_t r = 0; r < num_rows; ++r) {
      kernels_.softmax({.scores = scores_ + r * kTileKeys,
                        .weights = weights_ + r * kTileKeys,
                        .correction = corrections_ + r,
                        .state = sums.states + row + r,
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

  const AttentionShape& shape_;
  const PackedBatch& batch_;
  const PathKernels& kernels_;
  const KvCache& cache_;
  const AttentionArgs& args_;
  const Piece piece_;
  const std::int32_t width_;
  const std::int32_t first_token_;  // of the sequence, in the batch
  TilePages pages_;
  TilePages next_pages_;
  float corrections_[kAttentionRows] = {};
  alignas(64) float scores_[kAttentionRows * kTileKeys];
  alignas(64) Bf16 weights_[kAttentionRows * kTileKeys];
};

void Attention::begin(const PackedBatch& batch, std::int32_t num_threads) {
  batch_ = &batch;
  pieces_.clear();
  num_products_ = 0;
  for (std::int32_t sequence = 0; sequence < batch.num_sequences(); ++sequence) {
    add_pieces(sequence);
  }
  is_cut_ = false;
  if (num_threads > 1 && num_products_ >= kMinSharedProducts &&
      pieces_.size() < static_cast<std::size_t>(kMinPiecesPerThread * num_threads)) {
    cut_at_segments();
  }
}

void Attention::add_pieces(std::int32_t sequence) {
  const auto s = static_cast<std::size_t>(sequence);
  const auto num_rows = (batch_->query_starts[s + 1] - batch_->query_starts[s]) * shape_.group();
  const auto num_pieces = (num_rows + kPieceRows - 1) / kPieceRows;
  for (std::int32_t i = num_pieces - 1; i >= 0; --i) {
    const auto first = i * kPieceRows;
    Piece piece{.sequence = sequence,
                .first_row = first,
                .num_rows = std::min(kPieceRows, num_rows - first)};
    piece.end_segment = segments_of(piece);
    for (; piece.kv_head < shape_.num_kv_heads; ++piece.kv_head) {
      pieces_.push_back(piece);
    }
  }
  num_products_ += std::int64_t{num_rows} * shape_.num_kv_heads * batch_->context_lengths[s] * 2 *
                   shape_.head_size;
}

std::int32_t Attention::segments_of(const Piece& piece) const {
  const auto last_row = piece.first_row + piece.num_rows - 1;
  const auto token =
      batch_->query_starts[static_cast<std::size_t>(piece.sequence)] + last_row / shape_.group();
  return batch_->positions[static_cast<std::size_t>(token)] / kSegmentKeys + 1;
}

std::int64_t Attention::width() const {
  return (std::int64_t{shape_.head_size} + kVectorColumns - 1) / kVectorColumns * kVectorColumns;
}

Attention::Sums Attention::cut_sums(std::size_t piece) {
  const auto row = static_cast<std::int64_t>(piece) * kPieceRows;
  return {.states = cut_states_.data() + row, .values = cut_values_.data() + row * width()};
}

void Attention::cut_at_segments() {
  std::int64_t num_pieces = 0;
  for (const auto& piece : pieces_) {
    num_pieces += piece.end_segment;
  }
  const auto num_rows = num_pieces * kPieceRows;
  if (num_rows * width() > kMaxCutValues) {
    return;
  }
  if (static_cast<std::size_t>(num_rows) > cut_states_.size()) {
    cut_states_.resize(static_cast<std::size_t>(num_rows));
    cut_values_.resize(static_cast<std::size_t>(num_rows * width()));
  }
  is_cut_ = true;
  whole_.clear();
  std::swap(whole_, pieces_);
  for (auto piece : whole_) {
    const auto num_segments = piece.end_segment;
    for (std::int32_t segment = 0; segment < num_segments; ++segment) {
      piece.first_segment = segment;
      piece.end_segment = segment + 1;
      pieces_.push_back(piece);
    }
  }
}

void Attention::run(const Machine& machine, const KvCache& cache, const AttentionArgs& args) {
  const auto num_pieces = static_cast<std::int32_t>(pieces_.size());
  const auto walk = [&](std::int32_t begin, std::int32_t end) {
    SoftmaxState states[2][kPieceRows];
    alignas(64) float values[2][kPieceRows * kMaxHeadSize];
    const Sums own{.states = states[0], .values = values[0]};
    const Sums spare{.states = states[1], .values = values[1]};
    for (std::int32_t i = begin; i < end; ++i) {
      const auto index = static_cast<std::size_t>(i);
      const auto next = static_cast<std::size_t>(std::min(i + 1, num_pieces - 1));
      Walk piece(*this, *machine.kernels, cache, args, pieces_[index]);
      piece.run(pieces_[next], is_cut_ ? cut_sums(index) : own, spare);
      if (!is_cut_) {
        piece.finish(own);
      }
    }
  };
  if (num_products_ < kMinSharedProducts) {
    walk(0, num_pieces);
  } else {
    machine.team->run(num_pieces, walk);
  }
  if (is_cut_) {
    finish_cut(machine, cache, args);
  }
}

void Attention::finish_cut(const Machine& machine,
                           const KvCache& cache,
                           const AttentionArgs& args) {
  std::size_t first = 0;
  for (const auto& piece : whole_) {
    const Walk rows(*this, *machine.kernels, cache, args, piece);
    for (std::int32_t segment = 1; segment < piece.end_segment; ++segment) {
      rows.join(segment, cut_sums(first + static_cast<std::size_t>(segment)), cut_sums(first));
    }
    rows.finish(cut_sums(first));
    first += static_cast<std::size_t>(piece.end_segment);
  }
}

}  // namespace troupe::cpu
