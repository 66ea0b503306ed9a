// Lines from a stream of bytes, none longer than a bound.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::transport {

/// Cuts lines off the bytes that `buffer()` collects. Each byte is looked at once.
class LineReader {
 public:
  /// Where new bytes are to be appended.
  [[nodiscard]] std::string& buffer() { return buffer_; }

  /// The next whole line without its end (LF or CR LF), or none. Valid until the next call of
  /// `next` or `compact`.
  [[nodiscard]] std::optional<std::string_view> next();

  /// Drops the lines that were given.
  void compact();

  /// True when a line without an end is longer than `max_bytes`.
  [[nodiscard]] bool overflows(std::size_t max_bytes) const {
    return buffer_.size() - begin_ > max_bytes;
  }

  [[nodiscard]] bool has_partial_line() const { return buffer_.size() > begin_; }

 private:
  std::string buffer_;
  std::size_t begin_ = 0;    // of the line that comes next
  std::size_t scanned_ = 0;  // no line ends between `begin_` and here
};

}  // namespace troupe::transport
