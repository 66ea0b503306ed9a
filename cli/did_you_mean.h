// The name that was probably meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

/// Of `names`, the one nearest to `word` (Damerau-Levenshtein, adjacent swaps count once), if it is
/// near enough to be a slip of the finger: at most one edit for each three letters, and at least
/// one. Ties go to the earlier name.
[[nodiscard]] std::optional<std::string> did_you_mean(std::string_view word,
                                                      const std::vector<std::string>& names);

}  // namespace troupe::cli
