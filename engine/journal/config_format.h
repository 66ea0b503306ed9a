// The beginning of a ring as bytes: the configuration of an engine, and who is suspected. Reading
// accepts only sizes that a machine of today can have, so that a false file makes no replay reserve
// the memory of a data centre.
#pragma once

#include "engine/journal/bytes.h"
#include "engine/journal/record.h"

#include <cstdint>

namespace troupe::journal {

inline constexpr std::int64_t kMaxBlocks = std::int64_t{1} << 22U;
inline constexpr std::int64_t kMaxCachePositions = std::int64_t{1} << 26U;  // blocks · block size
inline constexpr std::int64_t kMaxSeats = 1 << 14U;
inline constexpr std::int64_t kMaxBlockSize = 1 << 12U;
inline constexpr std::size_t kMaxSuspects = 1U << 20U;

/// Without `ring`, which stands before every record.
void write(ByteWriter& out, const RingBegan& began);
/// Leaves `ring` to the caller.
[[nodiscard]] RingBegan read_ring_began(ByteReader& in);

}  // namespace troupe::journal
