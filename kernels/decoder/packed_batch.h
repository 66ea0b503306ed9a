// One step's sequences packed into flat arrays, without padding: what the operations read.
#pragma once

#include "engine/base/ids.h"

#include <cstdint>
#include <vector>

namespace troupe {

/// T tokens of S sequences, sequence after sequence; R of the rows sample.
struct PackedBatch {
  std::vector<TokenId> tokens;          // [T]
  std::vector<std::int32_t> positions;  // [T] in its sequence
  std::vector<std::int64_t>
      slot_mapping;  // [T] where key and value go: block * block_size + offset
  std::vector<std::int32_t> query_starts;  // [S + 1] sequence s has tokens [starts[s], starts[s+1])
  std::vector<std::int32_t> context_lengths;  // [S] keys that its last token sees, itself included
  std::vector<std::int32_t> table_starts;     // [S + 1] into `blocks`
  std::vector<std::int32_t> blocks;           // block tables, end to end
  std::vector<std::int32_t> sampling_rows;    // [R] indices into the tokens, ascending
  std::vector<std::int32_t> sampling_seats;   // [R] the seat of each

  [[nodiscard]] std::int32_t num_tokens() const { return static_cast<std::int32_t>(tokens.size()); }

  [[nodiscard]] std::int32_t num_sequences() const {
    return static_cast<std::int32_t>(context_lengths.size());
  }

  [[nodiscard]] std::int32_t num_samples() const {
    return static_cast<std::int32_t>(sampling_rows.size());
  }

  void clear();
};

}  // namespace troupe
