#include "engine/memory/block_table.h"

#include "engine/base/check.h"

#include <string>
#include <utility>

namespace troupe {

void BlockTable::seat(std::shared_ptr<const SequenceStart> new_start) {
  TROUPE_CHECK(!seated(), "sequence " + std::to_string(new_start->sequence.value) +
                              " takes the seat of sequence " + std::to_string(sequence.value));
  sequence = new_start->sequence;
  start = std::move(new_start);
  computed = 0;
  num_named_blocks = 0;
  prefix = PrefixId{};
  root = PrefixId{};
}

void BlockTable::vacate() {
  start.reset();
  blocks.clear();
  generated.clear();
}

std::span<const TokenId> BlockTable::tokens(std::int32_t begin,
                                            std::int32_t count,
                                            std::vector<TokenId>& scratch) const {
  TROUPE_CHECK(begin >= 0 && count >= 0 && count <= num_known() - begin,
               "asked for unknown tokens of sequence " + std::to_string(sequence.value));
  const auto first = static_cast<std::size_t>(begin);
  const auto length = static_cast<std::size_t>(count);
  const std::span<const TokenId> head = start->tokens;
  const std::span<const TokenId> tail = generated;
  if (first + length <= head.size()) {
    return head.subspan(first, length);
  }
  if (first >= head.size()) {
    return tail.subspan(first - head.size(), length);
  }
  scratch.assign(head.begin() + begin, head.end());
  const auto missing = static_cast<std::ptrdiff_t>(length - scratch.size());
  scratch.insert(scratch.end(), tail.begin(), tail.begin() + missing);
  return scratch;
}

}  // namespace troupe
