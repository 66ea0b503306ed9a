#include "cli/did_you_mean.h"

#include <algorithm>

namespace troupe::cli {
namespace {

std::size_t distance(std::string_view left, std::string_view right) {
  const auto width = right.size() + 1;
  std::vector<std::size_t> cost((left.size() + 1) * width);
  for (std::size_t i = 0; i <= left.size(); ++i) {
    for (std::size_t j = 0; j <= right.size(); ++j) {
      auto& here = cost[i * width + j];
      if (i == 0 || j == 0) {
        here = i + j;
        continue;
      }
      const bool same = left[i - 1] == right[j - 1];
      here = std::min({cost[(i - 1) * width + j] + 1, cost[i * width + j - 1] + 1,
                       cost[(i - 1) * width + j - 1] + (same ? 0U : 1U)});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1]) {
        here = std::min(here, cost[(i - 2) * width + j - 2] + 1);
      }
    }
  }
  return cost.back();
}

}  // namespace

std::optional<std::string> did_you_mean(std::string_view word,
                                        const std::vector<std::string>& names) {
  std::optional<std::string> nearest;
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const auto& name : names) {
    if (const auto edits = distance(word, name); edits < best) {
      best = edits;
      nearest = name;
    }
  }
  return nearest;
}

}  // namespace troupe::cli
