// See stop_matcher.h.
#include "engine/text/stop_matcher.h"

#include "engine/base/check.h"

#include <algorithm>
#include <utility>

namespace troupe {

StopMatcher::StopMatcher(std::vector<std::string> stops, StopText stop_text)
    : stop_text_(stop_text) {
  automata_.reserve(stops.size());
  for (std::string& stop : stops) {
    TROUPE_CHECK(!stop.empty(), "an empty stop string would stop everything");
    automata_.push_back(make_automaton(std::move(stop)));
  }
}

StopMatcher::Automaton StopMatcher::make_automaton(std::string stop) {
  std::vector<std::size_t> border(stop.size() + 1, 0);
  std::size_t length = 0;
  for (std::size_t i = 1; i < stop.size(); ++i) {
    while (length > 0 && stop[i] != stop[length]) {
      length = border[length];
    }
    if (stop[i] == stop[length]) {
      ++length;
    }
    border[i + 1] = length;
  }
  return {.stop = std::move(stop), .border = std::move(border)};
}

void StopMatcher::advance(Automaton& automaton, char next) {
  std::size_t& length = automaton.num_matched;
  while (length > 0 && automaton.stop[length] != next) {
    length = automaton.border[length];
  }
  if (automaton.stop[length] == next) {
    ++length;
  }
}

const StopMatcher::Automaton* StopMatcher::longest_match() const {
  const Automaton* longest = nullptr;
  for (const Automaton& automaton : automata_) {
    const bool is_match = automaton.num_matched == automaton.stop.size();
    if (is_match && (longest == nullptr || automaton.stop.size() > longest->stop.size())) {
      longest = &automaton;
    }
  }
  return longest;
}

std::size_t StopMatcher::num_held() const {
  if (stop_text_ == StopText::include) {
    return 0;  // A match only adds to what was shown.
  }
  std::size_t held = 0;
  for (const Automaton& automaton : automata_) {
    held = std::max(held, automaton.num_matched);
  }
  return held;
}

StopProgress StopMatcher::push(std::string_view text) {
  if (is_over_) {
    return {};
  }
  std::string seen = std::exchange(held_, {});
  seen.reserve(seen.size() + text.size());
  for (const char next : text) {
    seen += next;
    for (Automaton& automaton : automata_) {
      advance(automaton, next);
    }
    if (const Automaton* match = longest_match()) {
      is_over_ = true;
      if (stop_text_ == StopText::leave_out) {
        seen.resize(seen.size() - match->stop.size());
      }
      return {.safe_text = std::move(seen), .matched = match->stop};
    }
  }
  const std::size_t num_safe = seen.size() - num_held();
  held_ = seen.substr(num_safe);
  seen.resize(num_safe);
  return {.safe_text = std::move(seen), .matched = std::nullopt};
}

std::string StopMatcher::flush() {
  is_over_ = true;
  return std::exchange(held_, {});
}

}  // namespace troupe
