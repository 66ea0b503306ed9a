// Times of one piece of work, over several rounds.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace troupe::test {

/// Seconds.
struct Figure {
  double median = 0.0;
  double worst = 0.0;
  double best = 0.0;
};

template <class Step>
double seconds_of(const Step& step) {
  const auto begin = std::chrono::steady_clock::now();
  step();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Sorts `seconds`, of which there is at least one.
inline Figure figure_of(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  return {.median = seconds[seconds.size() / 2], .worst = seconds.back(), .best = seconds[0]};
}

/// Seconds of one call, over `rounds` rounds after one that is not counted.
template <class Step>
Figure measure(int rounds, const Step& step) {
  std::vector<double> seconds;
  step();
  for (int i = 0; i < rounds; ++i) {
    seconds.push_back(seconds_of(step));
  }
  return figure_of(std::move(seconds));
}

}  // namespace troupe::test
