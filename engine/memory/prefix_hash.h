// One hash for all that stands behind a prefix.
#pragma once

#include "engine/base/random.h"
#include "engine/memory/prefix_index.h"

#include <cstdint>
#include <span>

namespace troupe {

/// Spread over all 64 bits. O(tokens).
[[nodiscard]] inline std::uint64_t prefix_hash(PrefixId parent, std::span<const TokenId> tokens) {
  auto hash = parent.value;
  for (const auto token : tokens) {
    hash = mix(hash ^ static_cast<std::uint32_t>(token));
  }
  return mix(hash);
}

}  // namespace troupe
