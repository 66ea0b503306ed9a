#include "engine/text/content_guard.h"

#include "engine/text/utf8.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

TEST_CASE("what was hidden comes back, with its places") {
  ContentGuard guard;
  guard.note("a <x> <y> é");

  const auto hidden = guard.hide("a <x> <y> é", {2, 6, 10});

  REQUIRE(hidden);
  CHECK(hidden->find('<') == std::string::npos);
  CHECK(hidden->find("é") == std::string::npos);
  const auto revealed = guard.reveal("[" + *hidden + "]");
  CHECK(revealed.text == "[a <x> <y> é]");
  CHECK(revealed.plain_at == std::vector<std::size_t>{3, 7, 11});
}

TEST_CASE("private-use characters of the input stay what they are") {
  ContentGuard guard;
  const std::string content = "\uE000<\uE001\uF8FF";
  guard.note(content);

  const auto hidden = guard.hide(content, {3});

  REQUIRE(hidden);
  CHECK(*hidden == "\uE000\uE002\uE001\uF8FF");
  CHECK(guard.reveal(*hidden).text == content);
  CHECK(guard.reveal(*hidden).plain_at == std::vector<std::size_t>{3});
}

TEST_CASE("an input that uses every private-use character is refused") {
  ContentGuard guard;
  std::string content = "<";
  for (char32_t code = 0xE000; code < 0xF900; ++code) {
    content += utf8_of(code);
  }
  guard.note(content);

  const auto hidden = guard.hide(content, {0});

  REQUIRE_FALSE(hidden);
  CHECK(hidden.error().code == ErrorCode::invalid_value);
}

TEST_CASE("text that ends within a character is left alone") {
  const ContentGuard guard;

  CHECK(guard.reveal("a\xee\x80").text == "a\xee\x80");
  CHECK(guard.reveal("\xee").text == "\xee");
}

}  // namespace
}  // namespace troupe
