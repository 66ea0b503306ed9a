#include "kernels/decoder/packed_batch.h"

namespace troupe {

void PackedBatch::clear() {
  tokens.clear();
  positions.clear();
  slot_mapping.clear();
  query_starts.clear();
  context_lengths.clear();
  table_starts.clear();
  blocks.clear();
  sampling_rows.clear();
  sampling_seats.clear();
}

}  // namespace troupe
