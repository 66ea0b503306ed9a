// Tokenizer files that cannot be used, and libraries that panic.
#include "engine/text/tokenizer.h"

#include "tests/engine/text/golden_tokenizers.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <functional>
#include <random>

namespace troupe {
namespace {

using Json = nlohmann::json;

std::string golden_text(const std::string& kind) {
  std::ifstream stream(test::golden_folder(kind) / "tokenizer.json");
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The error that loading a golden tokenizer gives after `edit`.
Error refusal(const std::string& kind, const std::function<void(Json&)>& edit) {
  Json json = Json::parse(golden_text(kind));
  edit(json);
  const auto tokenizer = Tokenizer::parse(json.dump());
  REQUIRE_FALSE(tokenizer);
  return tokenizer.error();
}

void check_refused(const Error& error, const std::string& words) {
  CAPTURE(error.message);
  CHECK(error.code == ErrorCode::invalid_model);
  CHECK(error.message.find(words) != std::string::npos);
  CHECK(error.message.find('\n') == std::string::npos);
}

TEST_CASE("a malformed tokenizer is refused in one line") {
  const auto kind = "byte-level-llama3";

  check_refused(refusal(kind, [](Json& json) { json["added_tokens"][0]["content"] = ""; }),
                "added token 0 is empty");
  check_refused(refusal(kind, [](Json& json) { json["added_tokens"][1]["id"] = 0; }),
                "id 0 belongs to both");
  check_refused(refusal(kind, [](Json& json) { json["added_tokens"][4]["id"] = 705; }),
                "has id 705");
  check_refused(refusal(kind, [](Json& json) { json["added_tokens"][4]["id"] = -1; }), "-1");
  check_refused(refusal(kind, [](Json& json) { json["added_tokens"][4]["id"] = 4294967296; }),
                "4294967296");
  check_refused(refusal(kind,
                        [](Json& json) {
                          json["added_tokens"].erase(4);
                          json["model"]["vocab"]["new"] = 5;
                        }),
                "id 5 belongs to both");
  check_refused(refusal(kind,
                        [](Json& json) {
                          json["added_tokens"].erase(4);
                          json["model"]["vocab"]["new"] = 4000000000U;
                        }),
                "largest token id");
  check_refused(refusal(kind,
                        [](Json& json) {
                          json["model"]["merges"].push_back({"zzz", "qqq"});
                        }),
                "zzz");
  check_refused(refusal(kind, [](Json& json) { json["model"]["vocab"] = Json::object(); }), "");
  check_refused(refusal(kind, [](Json& json) { json["model"]["type"] = "Telepathy"; }), "");
  check_refused(refusal(kind, [](Json& json) { json["pre_tokenizer"]["type"] = "Telepathy"; }), "");
  check_refused(refusal(kind,
                        [](Json& json) {
                          json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(";
                        }),
                "");
  check_refused(refusal(kind, [](Json& json) { json["model"]["dropout"] = 0.1; }), "dropout");
  check_refused(refusal(kind, [](Json& json) { json["version"] = "9.9"; }), "9.9");
  check_refused(refusal(kind, [](Json& json) { json.erase("model"); }), "");
}

TEST_CASE("bytes that are no tokenizer are refused") {
  for (const char* json : {"", "null", "[]", "{}", "{", "\xff\xfe", "{\"model\": {}}"}) {
    CAPTURE(json);
    const auto tokenizer = Tokenizer::parse(json);
    REQUIRE_FALSE(tokenizer);
    CHECK(tokenizer.error().code == ErrorCode::invalid_model);
  }
  const auto deep = Tokenizer::parse("{\"added_tokens\":" + std::string(100000, '['));
  REQUIRE_FALSE(deep);
  CHECK(deep.error().code == ErrorCode::invalid_model);
}

TEST_CASE("a tokenizer file that is missing or broken is named") {
  const auto missing = Tokenizer::load("/no/such/tokenizer.json");
  const auto file = std::filesystem::temp_directory_path() / "troupe_broken_tokenizer.json";
  std::ofstream(file) << "{\"version\": ";
  const auto broken = Tokenizer::load(file);
  std::filesystem::remove(file);

  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::not_found);
  CHECK(missing.error().message.find("/no/such/tokenizer.json") != std::string::npos);
  REQUIRE_FALSE(broken);
  CHECK(broken.error().code == ErrorCode::invalid_model);
  CHECK(broken.error().message.find(file.string()) != std::string::npos);
}

TEST_CASE("a panic of the library becomes an error") {
  Json json = Json::parse(golden_text("byte-level-gpt2"));
  json["pre_tokenizer"] = {{"type", "FixedLength"}, {"length", 0}};
  const auto tokenizer = Tokenizer::parse(json.dump());
  REQUIRE(tokenizer);

  for (int repeat = 0; repeat < 3; ++repeat) {
    const auto tokens = (*tokenizer)->encode("some text", {});

    REQUIRE_FALSE(tokens);
    CHECK(tokens.error().code == ErrorCode::internal);
    CHECK(tokens.error().message.find("panicked") != std::string::npos);
  }
}

TEST_CASE("a tokenizer with flipped bytes is refused or works, and never does worse") {
  const std::string good = golden_text("sentencepiece-prepend");
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::string bad = good;
    for (auto count = 1 + random() % 4; count > 0; --count) {
      bad[random() % bad.size()] = static_cast<char>(32 + random() % 95);
    }
    if (const auto tokenizer = Tokenizer::parse(bad)) {
      const auto tokens = (*tokenizer)->encode("Some text <|end|> 日本 1234", {});
      if (tokens) {
        CHECK((*tokenizer)->decode(*tokens, SpecialTokens::keep));
      }
    } else {
      CHECK(tokenizer.error().code == ErrorCode::invalid_model);
      CHECK_FALSE(tokenizer.error().message.empty());
    }
  }
}

TEST_CASE("truncation and padding that training left behind do not touch a prompt") {
  Json json = Json::parse(golden_text("byte-level-llama3"));
  json["truncation"] = {
      {"direction", "Right"}, {"max_length", 4}, {"strategy", "LongestFirst"}, {"stride", 0}};
  json["padding"] = {{"strategy", {{"Fixed", 64}}},
                     {"direction", "Right"},
                     {"pad_to_multiple_of", nullptr},
                     {"pad_id", 0},
                     {"pad_type_id", 0},
                     {"pad_token", "<s>"}};
  const auto tokenizer = Tokenizer::parse(json.dump());
  REQUIRE(tokenizer);
  const std::string text = "a text of more than four tokens";

  CHECK((*tokenizer)->encode(text, {}).value() ==
        test::golden_tokenizer("byte-level-llama3")->encode(text, {}).value());
}

TEST_CASE("special tokens that are matched in normalized text are guarded in every form") {
  Json json = Json::parse(golden_text("byte-level-qwen"));
  json["normalizer"] = {{"type", "NFKC"}};
  json["added_tokens"][3]["normalized"] = true;  // <|end|>
  const auto tokenizer = Tokenizer::parse(json.dump());
  REQUIRE(tokenizer);
  const TokenId end = 3;

  for (const std::string text : {"<|end|>", "a \uff1c|end|> b", "<|en\uff44|\uff1e\uff1c|end|>"}) {
    CAPTURE(text);
    const auto seen = (*tokenizer)->encode(text, {}).value();
    const auto marks = (*tokenizer)->special_marks(text).value();
    const auto guarded = (*tokenizer)->encode_guarded(text, marks).value();

    CHECK(std::ranges::count(seen, end) > 0);
    CHECK(std::ranges::count(guarded, end) == 0);
  }
  const std::vector<std::size_t> first_only = {0};
  CHECK((*tokenizer)->encode_guarded("<|end|><|end|>", first_only).value().back() == end);
}

TEST_CASE("a model that knows special tokens as words cannot be talked into them") {
  Json json = Json::parse(golden_text("byte-level-llama3"));
  json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "[^ ]+| ";
  const auto tokenizer = Tokenizer::parse(json.dump());
  REQUIRE(tokenizer);

  const auto plain =
      (*tokenizer)->encode("<|end|> </s>", {AddSpecialTokens::no, SpecialText::is_plain});

  REQUIRE(plain);
  for (const TokenId token : *plain) {
    CHECK_FALSE((*tokenizer)->is_special(token));
  }
  CHECK((*tokenizer)->decode(*plain, SpecialTokens::skip).value() == "<|end|> </s>");
}

}  // namespace
}  // namespace troupe
