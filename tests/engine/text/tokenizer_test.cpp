// The tokenizer against what the `tokenizers` library recorded through Python.
#include "engine/text/tokenizer.h"

#include "tests/engine/text/golden_tokenizers.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <random>
#include <thread>

namespace troupe {
namespace {

using test::golden_folder;
using test::golden_tokenizer;
using test::kTokenizerKinds;

constexpr EncodeOptions kBare{.add_special_tokens = AddSpecialTokens::no};
constexpr EncodeOptions kPlain{.add_special_tokens = AddSpecialTokens::no,
                               .special_text = SpecialText::is_plain};

nlohmann::json golden_cases(const std::string& kind) {
  std::ifstream stream(golden_folder(kind) / "cases.json");
  return nlohmann::json::parse(stream);
}

TEST_CASE("every golden text gets the tokens that the library recorded") {
  for (const std::string kind : kTokenizerKinds) {
    CAPTURE(kind);
    const auto tokenizer = golden_tokenizer(kind);
    const auto golden = golden_cases(kind);
    REQUIRE(golden["cases"].size() > 100);

    for (const auto& golden_case : golden["cases"]) {
      const auto text = golden_case["text"].get<std::string>();
      CAPTURE(text);

      const auto bare = tokenizer->encode(text, kBare);
      const auto full = tokenizer->encode(text, {});

      REQUIRE(bare);
      REQUIRE(full);
      CHECK(*bare == golden_case["ids"].get<std::vector<TokenId>>());
      CHECK(*full == golden_case["ids_special"].get<std::vector<TokenId>>());
    }
  }
}

TEST_CASE("every golden sequence of tokens decodes to the recorded text") {
  for (const std::string kind : kTokenizerKinds) {
    CAPTURE(kind);
    const auto tokenizer = golden_tokenizer(kind);
    const auto golden = golden_cases(kind);

    for (const auto& golden_case : golden["cases"]) {
      const auto tokens = golden_case["ids_special"].get<std::vector<TokenId>>();
      CHECK(tokenizer->decode(tokens, SpecialTokens::skip).value() == golden_case["decoded"]);
      CHECK(tokenizer->decode(tokens, SpecialTokens::keep).value() ==
            golden_case["decoded_special"]);
    }
    for (const auto& golden_case : golden["id_cases"]) {
      const auto tokens = golden_case["ids"].get<std::vector<TokenId>>();
      CHECK(tokenizer->decode(tokens, SpecialTokens::skip).value() == golden_case["decoded"]);
    }
  }
}

TEST_CASE("no text is taken for a special token when special text is plain") {
  for (const std::string kind : kTokenizerKinds) {
    CAPTURE(kind);
    const auto tokenizer = golden_tokenizer(kind);
    const auto golden = golden_cases(kind);
    for (const auto& golden_case : golden["cases"]) {
      const auto text = golden_case["text"].get<std::string>() + "<|end|></s><s><|user|>";
      CAPTURE(text);

      const auto tokens = tokenizer->encode(text, kPlain);

      REQUIRE(tokens);
      for (const TokenId token : *tokens) {
        const bool is_forged =
            tokenizer->is_special(token) && token != tokenizer->token_id("<unk>");
        CHECK_FALSE(is_forged);
      }
    }
  }
}

TEST_CASE("plain special text round-trips") {
  for (const std::string kind :
       {"byte-level-llama3", "byte-level-gpt2", "sentencepiece-metaspace"}) {
    CAPTURE(kind);
    const auto tokenizer = golden_tokenizer(kind);
    const std::string text = "a <|end|> b</s><s><|user|>c";

    const auto tokens = tokenizer->encode(text, kPlain);

    REQUIRE(tokens);
    CHECK(tokenizer->decode(*tokens, SpecialTokens::skip).value() == text);
  }
}

/// Characters of all kinds: letters, marks, blanks, joiners, emoji, and pieces of special tokens.
std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> kParts = {
      "a",    "B",      "é",      "e\u0301",    "日",     "本",     "\u200d", "👩",
      "🏽", "ß",      "\u0627", "\u05d0",     "1",      "23",     " ",      "  ",
      "\n",   "\r\n",   "\t",     "\u00a0",     "\u3000", "'",      "'s",     "<",
      "|",    "end",    ">",      "<|end|>",    "</s>",   "<tool>", "▁",      "<0x41>",
      "\x01", "\u0390", "ﬁ",      "\U0010ffff", "\u2028"};
  std::string text;
  for (auto count = random() % 24; count > 0; --count) {
    text += kParts[random() % kParts.size()];
  }
  return text;
}

TEST_CASE("a guard over nothing changes nothing") {
  for (const std::string kind : kTokenizerKinds) {
    CAPTURE(kind);
    const auto tokenizer = golden_tokenizer(kind);
    for (std::uint32_t seed = 0; seed < 300; ++seed) {
      CAPTURE(seed);
      std::mt19937 random(seed);
      const std::string text = random_text(random);

      CHECK(tokenizer->encode_guarded(text, {}).value() == tokenizer->encode(text, kBare).value());
    }
  }
}

TEST_CASE("whatever the text, its special marks guard against every special token in it") {
  for (const std::string kind : kTokenizerKinds) {
    CAPTURE(kind);
    const auto tokenizer = golden_tokenizer(kind);
    for (std::uint32_t seed = 0; seed < 300; ++seed) {
      CAPTURE(seed);
      std::mt19937 random(seed);
      const std::string text = random_text(random);

      const auto marks = tokenizer->special_marks(text);
      REQUIRE(marks);
      const auto guarded = tokenizer->encode_guarded(text, *marks);
      REQUIRE(guarded);

      CHECK(*guarded == tokenizer->encode(text, kPlain).value());
      const auto seen = tokenizer->encode(text, kBare).value();
      const bool has_special = std::ranges::any_of(seen, [&](TokenId token) {
        return tokenizer->is_special(token) && token != tokenizer->token_id("<unk>");
      });
      CHECK(has_special == !marks->empty());
    }
  }
}

TEST_CASE("byte-level text round-trips whatever it is") {
  for (const std::string kind : {"byte-level-llama3", "byte-level-gpt2"}) {
    CAPTURE(kind);
    const auto tokenizer = golden_tokenizer(kind);
    for (std::uint32_t seed = 0; seed < 300; ++seed) {
      CAPTURE(seed);
      std::mt19937 random(seed);
      const std::string text = random_text(random);

      const auto tokens = tokenizer->encode(text, kBare);

      REQUIRE(tokens);
      CHECK(tokenizer->decode(*tokens, SpecialTokens::keep).value() == text);
    }
  }
}

TEST_CASE("a token knows its bytes, its kind and its name") {
  const auto llama = golden_tokenizer("byte-level-llama3");
  const auto spm = golden_tokenizer("sentencepiece-metaspace");

  CHECK(llama->vocab_size() == 701);
  CHECK(llama->token_id("<|end|>") == 3);
  CHECK(llama->token_bytes(3) == "<|end|>");
  CHECK(llama->is_special(3));
  CHECK_FALSE(llama->is_special(700));
  CHECK(llama->token_bytes(llama->token_id("\u0120").value()) == " ");
  CHECK(llama->token_id("no such token") == std::nullopt);
  CHECK(spm->token_bytes(spm->token_id("<0xE6>").value()) == "\xe6");
  CHECK(spm->piece(spm->token_id("<0xE6>").value()).is_byte);
  CHECK(spm->token_bytes(spm->token_id("▁t").value()) == " t");
}

TEST_CASE("an id outside of the vocabulary is refused in decoding and is no token") {
  const auto tokenizer = golden_tokenizer("byte-level-llama3");

  for (const TokenId token : {-1, 701, 1 << 30}) {
    CAPTURE(token);
    const auto text = tokenizer->decode(std::vector<TokenId>{token}, SpecialTokens::skip);
    REQUIRE_FALSE(text);
    CHECK(text.error().code == ErrorCode::invalid_value);
    CHECK_FALSE(tokenizer->piece(token).is_known);
    CHECK(tokenizer->token_bytes(token).empty());
  }
}

TEST_CASE("text that is not UTF-8 or too long is refused") {
  const auto tokenizer = golden_tokenizer("byte-level-llama3");

  const auto broken = tokenizer->encode("ab\xff", {});
  const auto longer = tokenizer->encode(std::string(kMaxTextBytes + 1, 'a'), {});

  REQUIRE_FALSE(broken);
  CHECK(broken.error().code == ErrorCode::invalid_value);
  CHECK(broken.error().message.find("byte 2") != std::string::npos);
  REQUIRE_FALSE(longer);
  CHECK(longer.error().code == ErrorCode::invalid_value);
}

TEST_CASE("a guard at a byte that begins no character is refused") {
  const auto tokenizer = golden_tokenizer("byte-level-llama3");
  const std::vector<std::vector<std::size_t>> wrong = {{1}, {9}, {0, 0}, {2, 0}};

  for (const auto& plain_at : wrong) {
    const auto tokens = tokenizer->encode_guarded("éab", plain_at);
    REQUIRE_FALSE(tokens);
    CHECK(tokens.error().code == ErrorCode::invalid_value);
  }
}

TEST_CASE("threads that share a tokenizer get the tokens that one alone gets") {
  const auto tokenizer = golden_tokenizer("byte-level-qwen");
  std::vector<std::string> texts;
  std::vector<std::vector<TokenId>> expected;
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    texts.push_back(random_text(random));
    expected.push_back(tokenizer->encode(texts.back(), {}).value());
  }
  std::vector<int> num_wrong(4, 0);

  std::vector<std::thread> threads;
  for (int& wrong : num_wrong) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < texts.size(); ++i) {
        wrong += tokenizer->encode(texts[i], {}).value() == expected[i] ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }

  CHECK(num_wrong == std::vector<int>(4, 0));
}

}  // namespace
}  // namespace troupe
