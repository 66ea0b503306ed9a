#include "engine/text/utf8.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

namespace troupe {
namespace {

constexpr const char* kFffd = "\xef\xbf\xbd";

std::string assemble(std::string_view bytes) {
  Utf8Assembler assembler;
  std::string text = assembler.push(bytes);
  return text + assembler.flush();
}

TEST_CASE("each maximal broken part of a sequence becomes one replacement character") {
  const std::string r = kFffd;

  CHECK(assemble("abc") == "abc");
  CHECK(assemble("\xe6\x97\xa5") == "日");
  CHECK(assemble("\xe6\x97") == r);
  CHECK(assemble("\xe6\x97x") == r + "x");
  CHECK(assemble("\x80\xbf") == r + r);
  CHECK(assemble("\xc0\xaf") == r + r);
  CHECK(assemble("\xed\xa0\x80") == r + r + r);
  CHECK(assemble("\xf0\x9f\x98\xf0\x9f\x98\x80") == r + "😀");
  CHECK(assemble("\xf4\x90\x80\x80") == r + r + r + r);
  CHECK(assemble("\xf5") == r);
  CHECK(assemble("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41") == r + r + r + r + "A");
}

TEST_CASE("however bytes are cut into pieces, the text is the same and each piece is whole") {
  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::string bytes;
    for (auto count = random() % 40; count > 0; --count) {
      static const std::string kInteresting =
          "a\x80\xbf\xc2\xe0\xed\xf0\xf4\x9f\x98\x90\xa0\xe6\x97";
      bytes += kInteresting[random() % kInteresting.size()];
    }

    Utf8Assembler assembler;
    std::string text;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = 1 + random() % 3;
      const std::string piece = assembler.push(std::string_view(bytes).substr(at, size));
      CHECK(is_utf8(piece));
      text += piece;
      at += size;
    }
    text += assembler.flush();

    CHECK(text == assemble(bytes));
    CHECK(is_utf8(text));
  }
}

TEST_CASE("a code point has the bytes that the standard gives it") {
  CHECK(utf8_of(U'A') == "A");
  CHECK(utf8_of(U'é') == "é");
  CHECK(utf8_of(U'▁') == "▁");
  CHECK(utf8_of(U'😀') == "😀");
}

}  // namespace
}  // namespace troupe
