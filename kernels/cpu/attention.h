// Attention over the paged cache: each KV head's keys and values are read once for all query heads
// that share it, and for several tokens of a prompt. Online softmax (Milakov, Gimelshein 2018).
#pragma once

#include "kernels/cpu/kv_cache.h"
#include "kernels/cpu/matmul.h"
#include "kernels/decoder/packed_batch.h"

#include <cstdint>
#include <vector>

namespace troupe::cpu {

constexpr std::int32_t kMaxHeadSize = 256;

/// G = query heads of one KV head. Rows of one sequence and KV head are numbered token * G + head.
struct AttentionShape {
  std::int32_t num_heads = 0;
  std::int32_t num_kv_heads = 0;
  std::int32_t head_size = 0;   // D, at most kMaxHeadSize
  std::int32_t block_size = 0;  // tokens, a multiple of 16
  float scale = 0.0F;

  [[nodiscard]] std::int32_t group() const { return num_heads / num_kv_heads; }
};

/// One layer's queries and where the result goes.
struct AttentionArgs {
  const Bf16* query = nullptr;  // [KV heads][max_tokens][G][D]
  std::int64_t max_tokens = 0;
  Bf16* attended = nullptr;  // [T], each [heads * D], at `attended_stride`
  std::int64_t attended_stride = 0;
  std::int32_t layer = 0;
};

/// A step's attention work, cut into pieces. Keys are walked in tiles of 64 from position 0. Each
/// 512 of them are a segment with a softmax of its own, and segments are joined in their order, so
/// that a row's bits depend neither on its chunk, nor on the rows beside it, nor on whether one
/// thread walks all its keys.
class Attention {
 public:
  explicit Attention(const AttentionShape& shape) : shape_(shape) {}

  /// Cuts the batch, which outlives the step, into pieces for so many threads: once a step, for all
  /// layers.
  void begin(const PackedBatch& batch, std::int32_t num_threads);

  /// attended = softmax(query * keys^T * scale, causal) * values.
  void run(const Machine& machine, const KvCache& cache, const AttentionArgs& args);

 private:
  static constexpr std::int32_t kPieceRows = 4 * kAttentionRows;

  /// Rows [first_row, first_row + num_rows) of one sequence and one KV head, and their keys in the
  /// segments [first_segment, end_segment).
  struct Piece {
    std::int32_t sequence = 0;
    std::int32_t kv_head = 0;
    std::int32_t first_row = 0;
    std::int32_t num_rows = 0;
    std::int32_t first_segment = 0;
    std::int32_t end_segment = 0;
  };

  /// What a piece's keys give to its rows, not yet divided by the sum of the weights.
  struct Sums {
    SoftmaxState* states = nullptr;  // [rows]
    float* values = nullptr;         // [rows], each as wide as the cache
  };

  class Walk;

  void add_pieces(std::int32_t sequence);
  void cut_at_segments();
  [[nodiscard]] std::int32_t segments_of(const Piece& piece) const;
  [[nodiscard]] std::int64_t width() const;
  [[nodiscard]] Sums cut_sums(std::size_t piece);
  void finish_cut(const Machine& machine, const KvCache& cache, const AttentionArgs& args);

  AttentionShape shape_;
  const PackedBatch* batch_ = nullptr;
  std::vector<Piece> pieces_;  // the longest of each sequence first
  std::int64_t num_products_ = 0;
  // Where pieces are cut at segments: the segments of the same rows stand side by side, and each
  // has its sums here until they are joined.
  bool is_cut_ = false;
  std::vector<Piece> whole_;
  std::vector<SoftmaxState> cut_states_;
  std::vector<float> cut_values_;
};

}  // namespace troupe::cpu
