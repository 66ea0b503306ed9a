// A journal taken apart into the bytes of its records and put together again, for tests that doctor
// one: the checksums are made anew, so that what is read is what the test wrote.
#pragma once

#include "engine/journal/bytes.h"
#include "engine/journal/frame.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test {

/// The bytes of each record, without headers. `journal` is sound.
inline std::vector<std::string> pages_of(std::string_view journal) {
  std::vector<std::string> pages;
  journal.remove_prefix(journal::kFileHeaderBytes);
  while (!journal.empty()) {
    const std::size_t length = journal::ByteReader(journal).fixed32();
    pages.emplace_back(journal.substr(journal::kRecordHeaderBytes, length));
    journal.remove_prefix(journal::kRecordHeaderBytes + length);
  }
  return pages;
}

inline std::string bound(const std::vector<std::string>& pages) {
  std::string journal;
  journal::append_file_header(journal);
  for (const auto& page : pages) {
    const auto begin = journal::begin_record(journal);
    journal += page;
    static_cast<void>(journal::end_record(journal, begin));
  }
  return journal;
}

}  // namespace troupe::test
