// Text to tokens and back, as the model's own tokenizer.json says. The work is done by the
// `tokenizers` library behind engine/text/bridge.
#pragma once

#include "engine/base/ids.h"
#include "engine/base/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct TroupeTokenizer;

namespace troupe {

/// Longest text that is encoded at once.
inline constexpr std::size_t kMaxTextBytes = std::size_t{16} << 20;
/// Largest tokenizer.json that is read.
inline constexpr std::size_t kMaxTokenizerFileBytes = std::size_t{256} << 20;

/// Whether the post-processor adds what it wants around a text, e.g. the BOS token.
enum class AddSpecialTokens : std::uint8_t { no, yes };

/// What the text of a special token is when it occurs in the input.
enum class SpecialText : std::uint8_t { is_token, is_plain };

/// What becomes of special tokens in decoded text.
enum class SpecialTokens : std::uint8_t { skip, keep };

struct EncodeOptions {
  AddSpecialTokens add_special_tokens = AddSpecialTokens::yes;
  SpecialText special_text = SpecialText::is_token;
};

/// How the bytes of tokens become text.
enum class DecoderKind : std::uint8_t {
  byte_level,     // all bytes joined; each broken part of UTF-8 is one U+FFFD
  byte_fallback,  // texts joined; a run of byte tokens is UTF-8, or one U+FFFD for each byte
  first_token,    // as `byte_fallback`, but a token that stands first has bytes of its own
  other,          // known to the library alone
};

struct DecoderTraits {
  DecoderKind kind = DecoderKind::other;
  std::string strip;            // one character, dropped from the front of a text …
  std::size_t strip_count = 0;  // … at most so often
};

/// What one token adds to a text.
struct TokenPiece {
  std::string_view bytes;   // lives as long as the tokenizer; may be half a character
  bool is_known = false;    // the id names a token
  bool is_special = false;  // a special added token
  bool is_byte = false;     // a byte-fallback token
};

/// One vocabulary with its rules. Immutable: any number of threads may share one.
class Tokenizer {
 public:
  /// Reads a tokenizer.json. Errors: `not_found` without the file, `invalid_model` when it is
  /// malformed: no JSON, an unknown part, an empty added token, an id given twice, a merge of
  /// unknown tokens. The message names the file.
  static Result<std::shared_ptr<const Tokenizer>> load(const std::filesystem::path& tokenizer_json);

  /// The same from the file's content. Errors: `invalid_model`.
  static Result<std::shared_ptr<const Tokenizer>> parse(std::string_view json);

  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;
  ~Tokenizer();

  /// The tokens of `text`. Errors: `invalid_value` for a text that is not UTF-8 or longer than
  /// `kMaxTextBytes`. Linear in the text's length.
  [[nodiscard]] Result<std::vector<TokenId>> encode(std::string_view text,
                                                    EncodeOptions options) const;

  /// As `encode` with special text as tokens and nothing added, except that no added token
  /// touches the characters that begin at the byte offsets `plain_at` (ascending).
  [[nodiscard]] Result<std::vector<TokenId>> encode_guarded(
      std::string_view text, std::span<const std::size_t> plain_at) const;

  /// Ascending byte offsets of one character of each place in `text` that `encode` would take for
  /// a special token. With these replaced, none is left. Errors: as `encode`.
  [[nodiscard]] Result<std::vector<std::size_t>> special_marks(std::string_view text) const;

  /// The text of `tokens`; an id of the vocabulary that names no token adds nothing.
  /// Errors: `invalid_value` for an id outside of the vocabulary.
  [[nodiscard]] Result<std::string> decode(std::span<const TokenId> tokens,
                                           SpecialTokens special_tokens) const;

  /// One more than the largest id. The model's own vocabulary may be padded beyond it.
  [[nodiscard]] std::size_t vocab_size() const;

  /// The raw bytes of a token inside a text; empty for an unknown id. Any id.
  [[nodiscard]] std::string_view token_bytes(TokenId token) const { return piece(token).bytes; }

  [[nodiscard]] bool is_special(TokenId token) const { return piece(token).is_special; }

  /// The token that the vocabulary spells `text`: special tokens as they are written, others in the
  /// vocabulary's own alphabet.
  [[nodiscard]] std::optional<TokenId> token_id(std::string_view text) const;

  /// A token that other tokens stand before. Any id. O(1).
  [[nodiscard]] TokenPiece piece(TokenId token) const;

  /// A token that opens a text. Any id. O(1).
  [[nodiscard]] TokenPiece first_piece(TokenId token) const;

  [[nodiscard]] const DecoderTraits& decoder() const { return decoder_; }

 private:
  friend class Detokenizer;

  explicit Tokenizer(TroupeTokenizer* handle);

  TroupeTokenizer* handle_;  // owned
  DecoderTraits decoder_;
};

}  // namespace troupe
