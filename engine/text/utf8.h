// UTF-8 that arrives in pieces (Unicode 15, section 3.9: maximal subparts of an ill-formed
// sequence become one U+FFFD each).
#pragma once

#include <string>
#include <string_view>

namespace troupe {

inline constexpr std::string_view kReplacementCharacter = "\xef\xbf\xbd";

/// Puts bytes together to whole characters. One owner.
class Utf8Assembler {
 public:
  /// The characters that `bytes` complete; broken parts are replaced as soon as they are known
  /// to be broken.
  std::string push(std::string_view bytes);

  /// U+FFFD when a character is left incomplete, else nothing. Starts anew.
  std::string flush();

  /// Whether a broken part was ever replaced.
  [[nodiscard]] bool is_broken() const { return is_broken_; }

 private:
  void begin(unsigned char byte, std::string& out);
  void expect(unsigned char lead, int count, unsigned char low, unsigned char high);
  void replace(std::string& out);

  std::string pending_;    // at most 3 bytes of an incomplete character
  int num_missing_ = 0;    // continuation bytes to come
  unsigned char low_ = 0;  // bounds of the next one
  unsigned char high_ = 0;
  bool is_broken_ = false;
};

[[nodiscard]] bool is_utf8(std::string_view bytes);

/// The bytes of one code point, which must be a Unicode scalar value (checked).
[[nodiscard]] std::string utf8_of(char32_t code_point);

}  // namespace troupe
