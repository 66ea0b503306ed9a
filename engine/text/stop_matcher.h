// Watches a request's text for its stop strings (Knuth, Morris, Pratt 1977, one automaton a
// string).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Whether the text that is given out ends with the stop string that ended it.
enum class StopText : std::uint8_t { leave_out, include };

/// What one push made known.
struct StopProgress {
  std::string safe_text;               // to be shown; never part of a stop string to be left out
  std::optional<std::string> matched;  // the stop string; nothing comes after it

  friend bool operator==(const StopProgress&, const StopProgress&) = default;
};

/// Finds the match that ends first, of several that end together the longest, however the text is
/// cut into pieces. Holds back just so much as could yet become a stop string.
///
/// Owned by one request; not thread-safe. A push costs O(bytes * stop strings), whatever the text.
class StopMatcher {
 public:
  /// No stop string may be empty (checked).
  StopMatcher(std::vector<std::string> stops, StopText stop_text);

  /// Takes the next text. After a match everything is dropped.
  StopProgress push(std::string_view text);

  /// The text that was held back: no more will come to complete a stop string.
  std::string flush();

 private:
  struct Automaton {
    std::string stop;
    std::vector<std::size_t> border;  // of each prefix: its longest proper prefix and suffix
    std::size_t num_matched = 0;  // bytes at the end of the text that the stop string begins with
  };

  static Automaton make_automaton(std::string stop);
  static void advance(Automaton& automaton, char next);
  [[nodiscard]] const Automaton* longest_match() const;
  [[nodiscard]] std::size_t num_held() const;

  std::vector<Automaton> automata_;
  StopText stop_text_;
  std::string held_;
  bool is_over_ = false;
};

}  // namespace troupe
