// The tokenizer of rehearsals: one token for each printable ASCII character, so that what text a
// client must see can be said without it.
#pragma once

#include "engine/base/ids.h"

#include <memory>
#include <string>
#include <vector>

namespace troupe {
class Tokenizer;
}  // namespace troupe

namespace troupe::rehearsal {

inline constexpr std::int32_t kMaxVocabulary = 64;

/// Token 0, which spells nothing: it ends sequences.
inline constexpr TokenId kEndOfSequence = 0;

/// The character that a token spells, from token 1 on.
[[nodiscard]] constexpr char character_of(TokenId token) {
  return static_cast<char>('0' + token - 1);
}

[[nodiscard]] std::string text_of(const std::vector<TokenId>& tokens);

/// Checked: the tokenizer library takes it.
[[nodiscard]] std::shared_ptr<const Tokenizer> rehearsal_tokenizer();

}  // namespace troupe::rehearsal
