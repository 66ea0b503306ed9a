#include "engine/journal/bytes.h"

#include <array>

namespace troupe::journal {
namespace {

constexpr std::array<std::uint32_t, 256> make_checksum_table() {
  constexpr std::uint32_t kPolynomial = 0x82f63b78U;
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t index = 0; index < table.size(); ++index) {
    auto value = index;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1U) != 0 ? (value >> 1U) ^ kPolynomial : value >> 1U;
    }
    table[index] = value;
  }
  return table;
}

constexpr auto kChecksumTable = make_checksum_table();

template <class Number>
void append_fixed(std::string& out, Number value) {
  for (std::size_t index = 0; index < sizeof(Number); ++index) {
    out += static_cast<char>((value >> (8 * index)) & 0xffU);
  }
}

template <class Number>
Number fixed(std::string_view bytes) {
  Number value = 0;
  for (std::size_t index = 0; index < bytes.size(); ++index) {
    value |= static_cast<Number>(static_cast<Number>(static_cast<std::uint8_t>(bytes[index]))
                                 << (8 * index));
  }
  return value;
}

}  // namespace

void ByteWriter::fixed32(std::uint32_t value) {
  append_fixed(out_, value);
}

void ByteWriter::fixed64(std::uint64_t value) {
  append_fixed(out_, value);
}

void ByteWriter::number(std::uint64_t value) {
  while (value >= 0x80U) {
    byte(static_cast<std::uint8_t>((value & 0x7fU) | 0x80U));
    value >>= 7U;
  }
  byte(static_cast<std::uint8_t>(value));
}

std::string_view ByteReader::take(std::size_t count) {
  if (count > left_.size()) {
    refuse();
    return {};
  }
  const auto taken = left_.substr(0, count);
  left_.remove_prefix(count);
  return taken;
}

std::uint8_t ByteReader::byte() {
  return fixed<std::uint8_t>(take(1));
}

std::uint32_t ByteReader::fixed32() {
  return fixed<std::uint32_t>(take(sizeof(std::uint32_t)));
}

std::uint64_t ByteReader::fixed64() {
  return fixed<std::uint64_t>(take(sizeof(std::uint64_t)));
}

// One way to write each number: neither a tenth byte with more than the last bit, nor a zero one
// behind others.
std::uint64_t ByteReader::number() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && ok_; shift += 7) {
    const std::uint64_t next = byte();
    value |= (next & 0x7fU) << shift;
    if ((next & 0x80U) == 0) {
      if ((shift == 63 && next > 1) || (shift > 0 && next == 0)) {
        break;
      }
      return ok_ ? value : 0;
    }
  }
  refuse();
  return 0;
}

std::int64_t ByteReader::signed_number() {
  const auto bits = number();
  return static_cast<std::int64_t>((bits >> 1U) ^ ((bits & 1U) != 0 ? ~std::uint64_t{0} : 0));
}

std::int64_t ByteReader::within(std::int64_t least, std::int64_t most) {
  const auto value = signed_number();
  if (value < least || value > most) {
    refuse();
    return 0;
  }
  return value;
}

std::uint8_t ByteReader::within_byte(std::uint8_t most) {
  const auto value = byte();
  if (value > most) {
    refuse();
    return 0;
  }
  return value;
}

std::size_t ByteReader::count(std::size_t most) {
  const auto value = number();
  if (value > most || value > left_.size()) {
    refuse();
    return 0;
  }
  return static_cast<std::size_t>(value);
}

std::string_view ByteReader::text() {
  return take(count(left_.size()));
}

std::uint32_t checksum(std::string_view bytes) {
  auto value = ~std::uint32_t{0};
  for (const auto character : bytes) {
    const auto index = (value ^ static_cast<std::uint8_t>(character)) & 0xffU;
    value = (value >> 8U) ^ kChecksumTable[index];
  }
  return ~value;
}

}  // namespace troupe::journal
