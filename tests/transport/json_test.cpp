// JSON both ways: what is read, what is refused, and that what is written reads back.
#include "transport/json_reader.h"
#include "transport/json_writer.h"
#include "transport/utf8.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::transport;

namespace {

std::string problem_of(std::string_view text, JsonBounds bounds = {}) {
  const auto value = read_json(text, bounds);
  REQUIRE_FALSE(value.has_value());
  CHECK(value.error().code == ErrorCode::invalid_json);
  return value.error().message;
}

JsonValue value_of(std::string_view text) {
  auto value = read_json(text, {});
  REQUIRE(value.has_value());
  return std::move(*value);
}

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST_CASE("a JSON document keeps its kinds, its order and its exact integers") {
  const auto value =
      value_of(R"({"b":true,"a":[1,-2,1.0,"x\u00e9"],"n":null,"big":18446744073709551615})");

  const auto& object = *value.object();
  REQUIRE(object.size() == 4);
  CHECK(object[0].name == "b");
  CHECK(*object[0].value.boolean());
  const auto& array = *object[1].value.array();
  CHECK(*array[0].integer() == 1);
  CHECK(*array[1].integer() == -2);
  CHECK(array[2].integer() == nullptr);
  CHECK(array[2].number() == 1.0);
  CHECK(*array[3].text() == "x\xC3\xA9");
  CHECK(object[2].value.is_null());
  CHECK(*object[3].value.large_integer() == std::numeric_limits<std::uint64_t>::max());
  CHECK(find_member(object, "missing") == nullptr);
}

TEST_CASE("what is not JSON is refused, and the message holds nothing of it") {
  const std::vector<std::string> corpus = {"",
                                           "   ",
                                           "{",
                                           "}",
                                           "{\"a\":1}x",
                                           "[1,]",
                                           "{\"a\":}",
                                           "{a:1}",
                                           "NaN",
                                           "[Infinity]",
                                           "-",
                                           "01",
                                           "1.",
                                           "1e400",
                                           "\"\\x\"",
                                           "\"\\ud800\"",
                                           "\"a\nb\"",
                                           "'secret'",
                                           "// c\n1",
                                           "[1] [2]",
                                           "\"\xC3\"",
                                           "\"\xC0\xAF\"",
                                           "\"\xED\xA0\x80\"",
                                           "\xEF\xBB\xBF{}",
                                           std::string("\0", 1),
                                           "tru",
                                           "{\"a\":1,}",
                                           "\"secret"};
  for (const auto& text : corpus) {
    CAPTURE(text);
    CHECK(problem_of(text).find("secret") == std::string::npos);
  }
}

TEST_CASE("an object that has a name twice is refused, however many names it has") {
  CHECK(problem_of(R"({"a":1,"a":2})").find("twice") != std::string::npos);
  std::string many = "{";
  for (int i = 0; i < 1000; ++i) {
    many += "\"k" + std::to_string(i) + "\":0,";
  }
  CHECK(read_json(many + "\"last\":0}", {}).has_value());
  CHECK(problem_of(many + "\"k500\":0}").find("twice") != std::string::npos);
  CHECK(read_json(R"([{"a":1},{"a":2}])", {}).has_value());
}

TEST_CASE("depth and number of values are bounded, and the bound itself is allowed") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(read_json(nested(64), {}).has_value());
  CHECK(problem_of(nested(65)).find("deeper than 64") != std::string::npos);
  problem_of(std::string(100'000, '['));
  problem_of(nested(10'000));

  CHECK(read_json("[1,2,3]", {64, 4}).has_value());
  CHECK(problem_of("[1,2,3,4]", {64, 4}).find("more than 4") != std::string::npos);
}

TEST_CASE("every text that is written reads back, and what is not UTF-8 is replaced") {
  CHECK(quoted("a\"b\\c\n\r\t\x01") == R"("a\"b\\c\n\r\t\u0001")");
  CHECK(quoted("gr\xC3\xBC\xC3\x9F"
               "e \xF0\x9F\x98\x80") ==
        "\"gr\xC3\xBC\xC3\x9F"
        "e \xF0\x9F\x98\x80\"");
  CHECK(quoted("\xF0\x9F") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");

  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::string text;
    for (auto left = random() % 60; left > 0; --left) {
      text += static_cast<char>(random() % 256);
    }
    const auto value = read_json(quoted(text), {});
    REQUIRE(value.has_value());
    if (is_utf8(text)) {
      CHECK(*value->text() == text);
    } else {
      CHECK(is_utf8(*value->text()));
    }
  }
}

TEST_CASE("numbers are written in their shortest form and never as something JSON has not") {
  std::string out;
  append_json_number(out, 0.1F);
  out += ' ';
  append_json_number(out, -1.5);
  out += ' ';
  append_json_number(out, std::nan(""));
  out += ' ';
  append_json_number(out, std::uint64_t{18446744073709551615U});
  CHECK(out == "0.1 -1.5 null 18446744073709551615");
}

TEST_CASE("the writer puts commas where they belong") {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("a", 1).key("b").begin_array().value("x").null().value(true);
  json.begin_object().end_object().end_array().member("c", 0.5).end_object();
  CHECK(out == R"({"a":1,"b":["x",null,true,{}],"c":0.5})");
}

TEST_CASE("the length of a UTF-8 character is known for well-formed ones alone") {
  CHECK(utf8_length("") == 0);
  CHECK(utf8_length("a") == 1);
  CHECK(utf8_length("\xC3\xA9") == 2);
  CHECK(utf8_length("\xE2\x82\xAC") == 3);
  CHECK(utf8_length("\xF4\x8F\xBF\xBF") == 4);
  for (const auto* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80",
                          "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82"}) {
    CHECK(utf8_length(bad) == 0);
  }
}

}  // namespace
