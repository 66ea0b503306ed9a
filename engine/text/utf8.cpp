// See utf8.h.
#include "engine/text/utf8.h"

#include "engine/base/check.h"

namespace troupe {

std::string Utf8Assembler::push(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (num_missing_ == 0) {
      begin(byte, out);
    } else if (byte < low_ || byte > high_) {
      replace(out);
      begin(byte, out);
    } else {
      pending_ += c;
      low_ = 0x80;
      high_ = 0xBF;
      if (--num_missing_ == 0) {
        out += pending_;
        pending_.clear();
      }
    }
  }
  return out;
}

std::string Utf8Assembler::flush() {
  std::string out;
  if (num_missing_ > 0) {
    replace(out);
  }
  return out;
}

// The table of well-formed byte sequences, by the first byte.
void Utf8Assembler::begin(unsigned char byte, std::string& out) {
  if (byte < 0x80) {
    out += static_cast<char>(byte);
  } else if (byte >= 0xC2 && byte <= 0xDF) {
    expect(byte, 1, 0x80, 0xBF);
  } else if (byte == 0xE0) {
    expect(byte, 2, 0xA0, 0xBF);
  } else if (byte == 0xED) {
    expect(byte, 2, 0x80, 0x9F);
  } else if (byte >= 0xE1 && byte <= 0xEF) {
    expect(byte, 2, 0x80, 0xBF);
  } else if (byte == 0xF0) {
    expect(byte, 3, 0x90, 0xBF);
  } else if (byte >= 0xF1 && byte <= 0xF3) {
    expect(byte, 3, 0x80, 0xBF);
  } else if (byte == 0xF4) {
    expect(byte, 3, 0x80, 0x8F);
  } else {
    replace(out);
  }
}

void Utf8Assembler::expect(unsigned char lead, int count, unsigned char low, unsigned char high) {
  pending_ = static_cast<char>(lead);
  num_missing_ = count;
  low_ = low;
  high_ = high;
}

void Utf8Assembler::replace(std::string& out) {
  out += kReplacementCharacter;
  pending_.clear();
  num_missing_ = 0;
  is_broken_ = true;
}

bool is_utf8(std::string_view bytes) {
  Utf8Assembler assembler;
  assembler.push(bytes);
  assembler.flush();
  return !assembler.is_broken();
}

std::string utf8_of(char32_t code_point) {
  TROUPE_CHECK(code_point <= 0x10FFFF && (code_point < 0xD800 || code_point > 0xDFFF),
               "not a Unicode scalar value");
  const auto bits = [code_point](unsigned shift) {
    return static_cast<char>(0x80U | ((code_point >> shift) & 0x3FU));
  };
  if (code_point < 0x80) {
    return {static_cast<char>(code_point)};
  }
  if (code_point < 0x800) {
    return {static_cast<char>(0xC0U | (code_point >> 6U)), bits(0)};
  }
  if (code_point < 0x10000) {
    return {static_cast<char>(0xE0U | (code_point >> 12U)), bits(6), bits(0)};
  }
  return {static_cast<char>(0xF0U | (code_point >> 18U)), bits(12), bits(6), bits(0)};
}

}  // namespace troupe
