// Any bytes as a journal, read and replayed to its end. The records' checksums are made here, so
// that what is false in a record is met by those who read it, and by the stations that are fed.
// Shared by the fuzzer and by the test that replays the fuzzer's corpus.
#pragma once

#include "engine/journal/bytes.h"
#include "engine/journal/frame.h"
#include "engine/journal/reader.h"
#include "engine/journal/replay.h"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>

namespace troupe::test {

/// A fuzzer wants many small caches instead of a few that fill the memory.
inline bool is_small(const journal::Record& record) {
  constexpr std::int64_t kMaxPositions = 1 << 16;
  const auto* began = std::get_if<journal::RingBegan>(&record);
  return began == nullptr ||
         (std::int64_t{began->memory.num_blocks} + began->memory.num_host_blocks) *
                 began->memory.block_size <=
             kMaxPositions;
}

/// The input as records: two bytes of length, little-endian, before each.
inline std::string journal_of(std::string_view input) {
  constexpr std::size_t kLengthBytes = 2;
  std::string bytes;
  journal::append_file_header(bytes);
  while (input.size() >= kLengthBytes) {
    const std::size_t length =
        static_cast<std::uint8_t>(input[0]) + 256U * static_cast<std::uint8_t>(input[1]);
    const auto page = input.substr(kLengthBytes, length);
    input.remove_prefix(std::min(input.size(), kLengthBytes + length));
    const auto record = journal::parse_record(page);
    if (record && !is_small(*record)) {
      continue;
    }
    const auto begin = journal::begin_record(bytes);
    bytes += page;
    static_cast<void>(journal::end_record(bytes, begin));
  }
  return bytes;
}

/// Returns what came of the replay of `input`, both as it stands and as records.
inline journal::ReplayReport play(std::string_view input) {
  std::istringstream as_it_stands{std::string(input)};
  static_cast<void>(journal::replay(as_it_stands).has_value());
  std::istringstream as_records(journal_of(input));
  return *journal::replay(as_records);
}

}  // namespace troupe::test
