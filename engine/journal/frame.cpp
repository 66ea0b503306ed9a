#include "engine/journal/frame.h"

#include "engine/journal/bytes.h"

namespace troupe::journal {

void append_file_header(std::string& out) {
  const auto begin = out.size();
  out += kMark;
  ByteWriter writer(out);
  writer.fixed32(kVersion);
  writer.fixed32(checksum(std::string_view(out).substr(begin)));
}

std::size_t begin_record(std::string& out) {
  const auto begin = out.size();
  out.append(kRecordHeaderBytes, '\0');
  return begin;
}

Length end_record(std::string& out, std::size_t begin) {
  const auto bytes = std::string_view(out).substr(begin + kRecordHeaderBytes);
  if (bytes.size() > kMaxRecordBytes) {
    out.resize(begin);
    return Length::too_long;
  }
  std::string header;
  ByteWriter writer(header);
  writer.fixed32(static_cast<std::uint32_t>(bytes.size()));
  writer.fixed32(checksum(header));
  writer.fixed32(checksum(bytes));
  out.replace(begin, kRecordHeaderBytes, header);
  return Length::allowed;
}

}  // namespace troupe::journal
