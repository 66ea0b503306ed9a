// Numbers and texts as bytes, and back. Whole numbers are written seven bits a byte, the low ones
// first (LEB128), signed ones zigzag before that; what has a fixed width is little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::journal {

/// Appends to a string that it does not own.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void byte(std::uint8_t value) { out_ += static_cast<char>(value); }

  void fixed32(std::uint32_t value);
  void fixed64(std::uint64_t value);
  void number(std::uint64_t value);

  void signed_number(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    number((bits << 1U) ^ (value < 0 ? ~std::uint64_t{0} : 0));
  }

  /// Its length, then its bytes.
  void text(std::string_view value) {
    number(value.size());
    out_ += value;
  }

 private:
  std::string& out_;
};

/// Takes bytes apart that anybody may have written. After the first thing that is not as it should
/// be, everything read is zero or empty, and `ok` is false.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : left_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }

  /// Nothing is left, and nothing was wrong.
  [[nodiscard]] bool done() const { return ok_ && left_.empty(); }

  [[nodiscard]] std::size_t num_left() const { return left_.size(); }

  void refuse() {
    ok_ = false;
    left_ = {};
  }

  [[nodiscard]] std::uint8_t byte();
  [[nodiscard]] std::uint32_t fixed32();
  [[nodiscard]] std::uint64_t fixed64();
  [[nodiscard]] std::uint64_t number();
  [[nodiscard]] std::int64_t signed_number();

  /// A signed number in [least, most].
  [[nodiscard]] std::int64_t within(std::int64_t least, std::int64_t most);

  /// A byte that is no greater than `most`.
  [[nodiscard]] std::uint8_t within_byte(std::uint8_t most);

  /// The length of a list of `most` items at most, which take a byte each at least: never more than
  /// bytes are left, so that a false length reserves no memory.
  [[nodiscard]] std::size_t count(std::size_t most);

  [[nodiscard]] std::string_view text();

 private:
  [[nodiscard]] std::string_view take(std::size_t count);

  std::string_view left_;
  bool ok_ = true;
};

/// CRC-32C (Castagnoli).
[[nodiscard]] std::uint32_t checksum(std::string_view bytes);

}  // namespace troupe::journal
