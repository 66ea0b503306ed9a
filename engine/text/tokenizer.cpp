// See tokenizer.h.
#include "engine/text/tokenizer.h"

#include "engine/text/bridge_call.h"
#include "engine/text/text_file.h"
#include "engine/text/utf8.h"

#include <algorithm>

namespace troupe {

namespace {

TokenPiece to_piece(const TroupeTokenView& view) {
  return {.bytes = {reinterpret_cast<const char*>(view.bytes), view.size},
          .is_known = (view.flags & TROUPE_TOKEN_KNOWN) != 0,
          .is_special = (view.flags & TROUPE_TOKEN_SPECIAL) != 0,
          .is_byte = (view.flags & TROUPE_TOKEN_BYTE) != 0};
}

DecoderTraits to_traits(const TroupeDecoderView& view) {
  DecoderTraits traits;
  switch (view.kind) {
    case TROUPE_DECODER_BYTE_LEVEL:
      traits.kind = DecoderKind::byte_level;
      break;
    case TROUPE_DECODER_BYTE_FALLBACK:
      traits.kind = DecoderKind::byte_fallback;
      break;
    case TROUPE_DECODER_FIRST_TOKEN:
      traits.kind = DecoderKind::first_token;
      break;
    default:
      traits.kind = DecoderKind::other;
  }
  traits.strip_count = view.strip_count;
  if (view.strip_count > 0) {
    traits.strip = utf8_of(static_cast<char32_t>(view.strip_char));
  }
  return traits;
}

Result<void> check_length(std::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return fail(ErrorCode::invalid_value, "text has " + std::to_string(text.size()) +
                                              " bytes, at most " + std::to_string(kMaxTextBytes) +
                                              " are encoded");
  }
  return {};
}

Result<std::vector<TokenId>> call_encode(const TroupeTokenizer* tokenizer,
                                         const TroupeMarkedText& text,
                                         std::uint32_t options) {
  TroupeOwnedIds ids{};
  bridge::OwnedBytes error;
  const auto status = troupe_tokenizer_encode(tokenizer, text, options, &ids, error.out());
  if (status != TROUPE_BRIDGE_OK) {
    return bridge::failure(status, error, ErrorCode::invalid_value);
  }
  const std::span<const std::uint32_t> view(ids.data, ids.size);
  std::vector<TokenId> tokens(view.size());
  std::ranges::transform(view, tokens.begin(), [](auto id) { return static_cast<TokenId>(id); });
  troupe_bridge_free_ids(ids);
  return tokens;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::load(
    const std::filesystem::path& tokenizer_json) {
  auto json = read_text_file(tokenizer_json, kMaxTokenizerFileBytes);
  if (!json) {
    return pass(std::move(json));
  }
  auto tokenizer = parse(*json);
  if (!tokenizer) {
    return fail(tokenizer.error().code, tokenizer_json.string() + ": " + tokenizer.error().message);
  }
  return tokenizer;
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::parse(std::string_view json) {
  TroupeTokenizer* handle = nullptr;
  bridge::OwnedBytes error;
  const auto status =
      troupe_tokenizer_load(bridge::bytes_of(json), json.size(), &handle, error.out());
  if (status != TROUPE_BRIDGE_OK) {
    // Where the library panics over a file, it is the file that cannot be used.
    return fail(ErrorCode::invalid_model, "not a usable tokenizer: " + error.str());
  }
  return std::shared_ptr<const Tokenizer>(new Tokenizer(handle));
}

Tokenizer::Tokenizer(TroupeTokenizer* handle)
    : handle_(handle), decoder_(to_traits(troupe_tokenizer_decoder(handle))) {}

Tokenizer::~Tokenizer() {
  troupe_tokenizer_free(handle_);
}

Result<std::vector<TokenId>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  if (auto checked = check_length(text); !checked) {
    return pass(std::move(checked));
  }
  std::uint32_t flags = 0;
  if (options.add_special_tokens == AddSpecialTokens::yes) {
    flags |= TROUPE_ENCODE_ADD_SPECIAL_TOKENS;
  }
  if (options.special_text == SpecialText::is_plain) {
    flags |= TROUPE_ENCODE_SPECIAL_TEXT_IS_PLAIN;
  }
  return call_encode(handle_, {bridge::bytes_of(text), text.size(), nullptr, 0}, flags);
}

Result<std::vector<TokenId>> Tokenizer::encode_guarded(
    std::string_view text, std::span<const std::size_t> plain_at) const {
  if (auto checked = check_length(text); !checked) {
    return pass(std::move(checked));
  }
  return call_encode(handle_,
                     {bridge::bytes_of(text), text.size(), plain_at.data(), plain_at.size()}, 0);
}

Result<std::vector<std::size_t>> Tokenizer::special_marks(std::string_view text) const {
  if (auto checked = check_length(text); !checked) {
    return pass(std::move(checked));
  }
  TroupeOwnedOffsets offsets{};
  bridge::OwnedBytes error;
  const auto status = troupe_tokenizer_special_marks(handle_, bridge::bytes_of(text), text.size(),
                                                     &offsets, error.out());
  if (status != TROUPE_BRIDGE_OK) {
    return bridge::failure(status, error, ErrorCode::invalid_value);
  }
  std::vector<std::size_t> marks(offsets.data, offsets.data + offsets.size);
  troupe_bridge_free_offsets(offsets);
  return marks;
}

Result<std::string> Tokenizer::decode(std::span<const TokenId> tokens,
                                      SpecialTokens special_tokens) const {
  std::vector<std::uint32_t> ids;
  ids.reserve(tokens.size());
  for (const TokenId token : tokens) {
    if (token < 0 || static_cast<std::size_t>(token) >= vocab_size()) {
      return fail(ErrorCode::invalid_value, "token id " + std::to_string(token) +
                                                " is outside of the vocabulary of " +
                                                std::to_string(vocab_size()) + " tokens");
    }
    ids.push_back(static_cast<std::uint32_t>(token));
  }
  bridge::OwnedBytes text;
  bridge::OwnedBytes error;
  const std::int32_t skip = special_tokens == SpecialTokens::skip ? 1 : 0;
  const auto status =
      troupe_tokenizer_decode(handle_, ids.data(), ids.size(), skip, text.out(), error.out());
  if (status != TROUPE_BRIDGE_OK) {
    return bridge::failure(status, error, ErrorCode::invalid_value);
  }
  return text.str();
}

std::size_t Tokenizer::vocab_size() const {
  return troupe_tokenizer_size(handle_);
}

std::optional<TokenId> Tokenizer::token_id(std::string_view text) const {
  const auto id = troupe_tokenizer_id_of(handle_, bridge::bytes_of(text), text.size());
  return id < 0 ? std::nullopt : std::optional(static_cast<TokenId>(id));
}

TokenPiece Tokenizer::piece(TokenId token) const {
  // A negative id becomes one that is far beyond every vocabulary.
  return to_piece(troupe_tokenizer_token(handle_, static_cast<std::uint32_t>(token), 0));
}

TokenPiece Tokenizer::first_piece(TokenId token) const {
  return to_piece(troupe_tokenizer_token(handle_, static_cast<std::uint32_t>(token), 1));
}

}  // namespace troupe
