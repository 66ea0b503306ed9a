// Tokens to text while they come, one request's.
#pragma once

#include "engine/base/ids.h"
#include "engine/text/tokenizer.h"
#include "engine/text/utf8.h"

#include <memory>
#include <string>
#include <string_view>

struct TroupeDecodeStream;

namespace troupe {

/// Gives text out as soon as it cannot change any more: whole characters, and all pieces together
/// are what `Tokenizer::decode` makes of all tokens. Where byte-fallback tokens spell a character
/// this means to wait for the run of them to end, because one bad byte spoils the whole run.
/// For decoders of kind `other` the pieces are those of the library's own decode stream.
///
/// Owned by one request; not thread-safe. A push costs O(bytes of the token).
class Detokenizer {
 public:
  Detokenizer(std::shared_ptr<const Tokenizer> tokenizer, SpecialTokens special_tokens);
  Detokenizer(Detokenizer&&) noexcept = default;
  Detokenizer& operator=(Detokenizer&&) noexcept = default;
  Detokenizer(const Detokenizer&) = delete;
  Detokenizer& operator=(const Detokenizer&) = delete;
  ~Detokenizer() = default;

  /// The text that `token` completes, perhaps empty. An id that names no token adds nothing: a
  /// model's vocabulary may be padded beyond its tokenizer's.
  std::string push(TokenId token);

  /// The text that was held back, with U+FFFD for what is no character. Starts anew.
  std::string flush();

 private:
  struct StreamDeleter {
    void operator()(TroupeDecodeStream* stream) const;
  };

  std::string push_joined(TokenId token, const TokenPiece& piece);
  std::string end_byte_run();
  std::string without_strip(std::string text);

  std::shared_ptr<const Tokenizer> tokenizer_;
  SpecialTokens special_tokens_;
  Utf8Assembler assembler_;  // byte_level
  std::string byte_run_;     // byte_fallback: the run of byte tokens at the end
  std::size_t strip_left_;   // characters that may still be dropped from the front
  bool is_at_start_ = true;  // first_token
  std::unique_ptr<TroupeDecodeStream, StreamDeleter> stream_;  // other
};

}  // namespace troupe
