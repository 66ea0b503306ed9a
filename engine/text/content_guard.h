// Keeps what users write apart from what templates write: stand-ins for the places where a
// content would be read as a special token. A part of prompt_encoder.
#pragma once

#include "engine/base/result.h"
#include "engine/text/tokenizer.h"

#include <array>
#include <bitset>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// A rendered text with its stand-ins undone.
struct GuardedText {
  std::string text;
  std::vector<std::size_t> plain_at;  // byte offsets of the characters that were put back
};

/// The stand-ins of one prompt: private-use characters (U+E000 to U+F8FF) that occur in none of
/// the texts that `note` has seen.
class ContentGuard {
 public:
  /// Remembers which private-use characters `text` holds. Call for all texts before `hide`.
  void note(std::string_view text);

  /// `content` with the characters at `marks` (ascending byte offsets) replaced.
  /// Errors: `invalid_value` when no private-use character is left.
  [[nodiscard]] Result<std::string> hide(std::string_view content,
                                         const std::vector<std::size_t>& marks);

  /// Puts the hidden characters back.
  [[nodiscard]] GuardedText reveal(std::string_view rendered) const;

 private:
  static constexpr std::size_t kFirst = 0xE000;
  static constexpr std::size_t kCount = 0xF900 - 0xE000;

  [[nodiscard]] Result<std::string> stand_in_for(const std::string& original);

  std::bitset<kCount> used_;
  std::map<std::string, std::string, std::less<>> stand_ins_;  // original → stand-in
  std::map<std::string, std::string, std::less<>> originals_;  // stand-in → original
};

}  // namespace troupe
