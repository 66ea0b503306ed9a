// See detokenizer.h.
#include "engine/text/detokenizer.h"

#include "engine/base/check.h"
#include "engine/text/bridge_call.h"

#include <utility>

namespace troupe {

void Detokenizer::StreamDeleter::operator()(TroupeDecodeStream* stream) const {
  troupe_decode_stream_free(stream);
}

Detokenizer::Detokenizer(std::shared_ptr<const Tokenizer> tokenizer, SpecialTokens special_tokens)
    : tokenizer_(std::move(tokenizer)), special_tokens_(special_tokens), strip_left_(0) {
  TROUPE_CHECK(tokenizer_ != nullptr, "a detokenizer needs a tokenizer");
  strip_left_ = tokenizer_->decoder().strip_count;
  if (tokenizer_->decoder().kind == DecoderKind::other) {
    stream_.reset(troupe_decode_stream_new());
  }
}

std::string Detokenizer::push(TokenId token) {
  const TokenPiece piece = tokenizer_->piece(token);
  if (!piece.is_known || (piece.is_special && special_tokens_ == SpecialTokens::skip)) {
    return {};
  }
  switch (tokenizer_->decoder().kind) {
    case DecoderKind::byte_level:
      return assembler_.push(piece.bytes);
    case DecoderKind::byte_fallback:
    case DecoderKind::first_token:
      return push_joined(token, piece);
    case DecoderKind::other:
      break;
  }
  bridge::OwnedBytes text;
  bridge::OwnedBytes error;
  // A decoder that rewrites what it gave out before fails here; the stream then holds its text
  // back until the flush, so nothing is due now.
  static_cast<void>(troupe_decode_stream_push(stream_.get(), tokenizer_->handle_,
                                              static_cast<std::uint32_t>(token), text.out(),
                                              error.out()));
  return text.str();
}

std::string Detokenizer::push_joined(TokenId token, const TokenPiece& piece) {
  if (piece.is_byte) {
    byte_run_ += piece.bytes;
    is_at_start_ = false;
    return {};
  }
  std::string text = end_byte_run();
  text += is_at_start_ ? tokenizer_->first_piece(token).bytes : piece.bytes;
  is_at_start_ = false;
  return without_strip(std::move(text));
}

std::string Detokenizer::end_byte_run() {
  std::string run = std::exchange(byte_run_, {});
  if (is_utf8(run)) {
    return run;
  }
  std::string replaced;
  for (std::size_t i = 0; i < run.size(); ++i) {
    replaced += kReplacementCharacter;
  }
  return replaced;
}

std::string Detokenizer::without_strip(std::string text) {
  const std::string& strip = tokenizer_->decoder().strip;
  std::size_t begin = 0;
  while (strip_left_ > 0 && begin < text.size()) {
    if (text.compare(begin, strip.size(), strip) != 0) {
      strip_left_ = 0;
      break;
    }
    begin += strip.size();
    --strip_left_;
  }
  return text.substr(begin);
}

std::string Detokenizer::flush() {
  std::string text;
  if (stream_ != nullptr) {
    bridge::OwnedBytes rest;
    bridge::OwnedBytes error;
    // What cannot be decoded at the end is no text.
    static_cast<void>(
        troupe_decode_stream_flush(stream_.get(), tokenizer_->handle_, rest.out(), error.out()));
    text = rest.str();
  } else {
    text = assembler_.flush() + without_strip(end_byte_run());
  }
  strip_left_ = tokenizer_->decoder().strip_count;
  is_at_start_ = true;
  return text;
}

}  // namespace troupe
