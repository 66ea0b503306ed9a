// Incremental decoding against decoding at once.
#include "engine/text/detokenizer.h"

#include "tests/engine/text/golden_tokenizers.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <random>
#include <vector>

namespace troupe {
namespace {

using test::golden_tokenizer;
using test::kTokenizerKinds;

/// A golden tokenizer with another decoder.
std::shared_ptr<const Tokenizer> with_decoder(const std::string& kind,
                                              const nlohmann::json& decoder) {
  std::ifstream stream(test::golden_folder(kind) / "tokenizer.json");
  auto json = nlohmann::json::parse(stream);
  json["decoder"] = decoder;
  auto tokenizer = Tokenizer::parse(json.dump());
  REQUIRE(tokenizer);
  return *tokenizer;
}

const nlohmann::json kMetaspace = {
    {"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "first"}, {"split", false}};
const nlohmann::json kGemma = {
    {"type", "Sequence"},
    {"decoders",
     {{{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}},
      {{"type", "ByteFallback"}},
      {{"type", "Fuse"}}}}};

std::vector<std::shared_ptr<const Tokenizer>> all_tokenizers() {
  std::vector<std::shared_ptr<const Tokenizer>> tokenizers;
  for (const std::string kind : kTokenizerKinds) {
    tokenizers.push_back(golden_tokenizer(kind));
  }
  tokenizers.push_back(with_decoder("sentencepiece-metaspace", kMetaspace));
  tokenizers.push_back(with_decoder("sentencepiece-prepend", kGemma));
  return tokenizers;
}

/// Ids of which many are bytes or halves of characters, some special, some unknown.
std::vector<TokenId> random_tokens(const Tokenizer& tokenizer, std::mt19937& random) {
  std::vector<TokenId> tokens(random() % 40);
  for (TokenId& token : tokens) {
    const auto limit = random() % 2 == 0 ? 270 : tokenizer.vocab_size();
    token = static_cast<TokenId>(random() % limit);
  }
  return tokens;
}

TEST_CASE("whatever the tokens, the pieces together are what decoding at once gives") {
  for (const auto& tokenizer : all_tokenizers()) {
    REQUIRE(tokenizer->decoder().kind != DecoderKind::other);
    for (const SpecialTokens special : {SpecialTokens::skip, SpecialTokens::keep}) {
      for (std::uint32_t seed = 0; seed < 1000; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const auto tokens = random_tokens(*tokenizer, random);

        Detokenizer detokenizer(tokenizer, special);
        std::string text;
        for (const TokenId token : tokens) {
          const std::string piece = detokenizer.push(token);
          REQUIRE(is_utf8(piece));
          text += piece;
        }
        text += detokenizer.flush();

        REQUIRE(text == tokenizer->decode(tokens, special).value());
      }
    }
  }
}

TEST_CASE("a flushed detokenizer is as new") {
  for (const auto& tokenizer : all_tokenizers()) {
    Detokenizer detokenizer(tokenizer, SpecialTokens::skip);
    std::mt19937 random(7);
    for (int round = 0; round < 50; ++round) {
      const auto tokens = random_tokens(*tokenizer, random);
      std::string text;
      for (const TokenId token : tokens) {
        text += detokenizer.push(token);
      }
      text += detokenizer.flush();
      CHECK(text == tokenizer->decode(tokens, SpecialTokens::skip).value());
    }
  }
}

TEST_CASE("half a character waits for its other half") {
  const auto tokenizer = golden_tokenizer("byte-level-llama3");
  const auto tokens = tokenizer->encode("🦀", {.add_special_tokens = AddSpecialTokens::no});
  REQUIRE(tokens);
  REQUIRE(tokens->size() > 1);
  Detokenizer detokenizer(tokenizer, SpecialTokens::skip);

  for (std::size_t i = 0; i + 1 < tokens->size(); ++i) {
    CHECK(detokenizer.push((*tokens)[i]).empty());
  }

  CHECK(detokenizer.push(tokens->back()) == "🦀");
  CHECK(detokenizer.flush().empty());
}

TEST_CASE("half a character at the end is replaced") {
  const auto tokenizer = golden_tokenizer("byte-level-llama3");
  const auto tokens = tokenizer->encode("🦀", {.add_special_tokens = AddSpecialTokens::no});
  REQUIRE(tokens);
  Detokenizer detokenizer(tokenizer, SpecialTokens::skip);

  CHECK(detokenizer.push(tokens->front()).empty());

  CHECK(detokenizer.flush() == kReplacementCharacter);
}

TEST_CASE("ids that name no token add nothing") {
  for (const auto& tokenizer : all_tokenizers()) {
    Detokenizer detokenizer(tokenizer, SpecialTokens::keep);
    for (const TokenId token : {-1, 100000, 1 << 30}) {
      CHECK(detokenizer.push(token).empty());
    }
    CHECK(detokenizer.flush().empty());
  }
}

TEST_CASE("text of a decoder that no table can serve comes whole as well") {
  const auto tokenizer =
      with_decoder("byte-level-gpt2", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}});
  REQUIRE(tokenizer->decoder().kind == DecoderKind::other);
  const auto tokens = tokenizer->encode("Some words, and <|end|> more of them.", {});
  REQUIRE(tokens);
  Detokenizer detokenizer(tokenizer, SpecialTokens::skip);

  std::string text;
  for (const TokenId token : *tokens) {
    text += detokenizer.push(token);
  }
  text += detokenizer.flush();

  CHECK(text == tokenizer->decode(*tokens, SpecialTokens::skip).value());
}

}  // namespace
}  // namespace troupe
