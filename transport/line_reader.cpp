#include "transport/line_reader.h"

#include <algorithm>

namespace troupe::transport {

std::optional<std::string_view> LineReader::next() {
  const auto end = buffer_.find('\n', std::max(begin_, scanned_));
  if (end == std::string::npos) {
    scanned_ = buffer_.size();
    return std::nullopt;
  }
  auto line = std::string_view(buffer_).substr(begin_, end - begin_);
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  begin_ = end + 1;
  scanned_ = begin_;
  return line;
}

void LineReader::compact() {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  constexpr std::size_t kKeptBytes = std::size_t{64} * 1024;
  if (buffer_.empty() && buffer_.capacity() > kKeptBytes) {
    buffer_ = {};
  }
}

}  // namespace troupe::transport
