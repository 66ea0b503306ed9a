#include "engine/text/stop_matcher.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <random>

namespace troupe {
namespace {

/// All text of one request: what was shown, and what matched.
StopProgress run(StopMatcher matcher, const std::vector<std::string>& pieces) {
  StopProgress total;
  for (const std::string& piece : pieces) {
    const auto progress = matcher.push(piece);
    total.safe_text += progress.safe_text;
    if (progress.matched) {
      total.matched = progress.matched;
    }
  }
  total.safe_text += matcher.flush();
  return total;
}

TEST_CASE("text before a stop string is shown, the stop string and the rest are not") {
  StopMatcher matcher({"END"}, StopText::leave_out);

  CHECK(matcher.push("one ") == StopProgress{"one ", std::nullopt});
  CHECK(matcher.push("two E") == StopProgress{"two ", std::nullopt});
  CHECK(matcher.push("N") == StopProgress{"", std::nullopt});
  CHECK(matcher.push("D three") == StopProgress{"", "END"});
  CHECK(matcher.push("four") == StopProgress{});
  CHECK(matcher.flush().empty());
}

TEST_CASE("what looked like a stop string is shown once it cannot be one") {
  StopMatcher matcher({"aab"}, StopText::leave_out);

  CHECK(matcher.push("aa").safe_text.empty());
  CHECK(matcher.push("a").safe_text == "a");
  CHECK(matcher.push("c").safe_text == "aac");
  CHECK(matcher.push("a").safe_text.empty());
  CHECK(matcher.flush() == "a");
}

TEST_CASE("an included stop string ends the text, and nothing is ever held back") {
  StopMatcher matcher({"END"}, StopText::include);

  CHECK(matcher.push("one E") == StopProgress{"one E", std::nullopt});
  CHECK(matcher.push("ND two") == StopProgress{"ND", "END"});
}

TEST_CASE("the match that ends first wins, and the longest of those that end together") {
  CHECK(run(StopMatcher({"abcd", "bc"}, StopText::leave_out), {"xabcd"}) ==
        StopProgress{"xa", "bc"});
  CHECK(run(StopMatcher({"bc", "abc"}, StopText::leave_out), {"xabcd"}) ==
        StopProgress{"x", "abc"});
}

TEST_CASE("without stop strings all text passes") {
  CHECK(run(StopMatcher({}, StopText::leave_out), {"a", "b"}) == StopProgress{"ab", std::nullopt});
}

TEST_CASE("an empty stop string is a bug of the caller") {
  CHECK_THROWS_AS(StopMatcher({""}, StopText::leave_out), InvariantViolation);
}

/// The definition in plain words: the shortest beginning of the text that ends with a stop string.
StopProgress oracle(const std::string& text, const std::vector<std::string>& stops, StopText mode) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    const std::string seen = text.substr(0, end);
    std::string longest;
    for (const std::string& stop : stops) {
      if (seen.ends_with(stop) && stop.size() > longest.size()) {
        longest = stop;
      }
    }
    if (!longest.empty()) {
      return {mode == StopText::include ? seen : seen.substr(0, end - longest.size()), longest};
    }
  }
  return {text, std::nullopt};
}

std::string random_word(std::mt19937& random, std::size_t max_size) {
  std::string word(1 + random() % max_size, 'a');
  for (char& c : word) {
    c = static_cast<char>('a' + random() % 2);
  }
  return word;
}

TEST_CASE("however the text is cut, the matcher agrees with its definition") {
  for (std::uint32_t seed = 0; seed < 5000; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::vector<std::string> stops(random() % 4);
    for (std::string& stop : stops) {
      stop = random_word(random, 6);
    }
    std::vector<std::string> pieces(random() % 10);
    std::string text;
    for (std::string& piece : pieces) {
      piece = random_word(random, 4);
      text += piece;
    }
    const auto mode = random() % 2 == 0 ? StopText::include : StopText::leave_out;

    CHECK(run(StopMatcher(stops, mode), pieces) == oracle(text, stops, mode));
  }
}

TEST_CASE("no more is held back than could become a stop string") {
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::vector<std::string> stops = {random_word(random, 6), random_word(random, 6)};
    StopMatcher matcher(stops, StopText::leave_out);
    std::string text;
    std::string shown;
    for (int i = 0; i < 12; ++i) {
      const std::string piece = random_word(random, 2);
      text += piece;
      const auto progress = matcher.push(piece);
      shown += progress.safe_text;
      if (progress.matched) {
        break;
      }
      const std::string held = text.substr(shown.size());
      const auto could_be = [&](const std::string& stop) { return stop.starts_with(held); };
      CHECK((held.empty() || could_be(stops[0]) || could_be(stops[1])));
    }
  }
}

}  // namespace
}  // namespace troupe
