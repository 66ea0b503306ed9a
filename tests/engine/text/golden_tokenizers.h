// The small tokenizers of tests/data/golden/tokenizers, loaded once each.
#pragma once

#include "engine/text/tokenizer.h"

#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace troupe::test {

inline constexpr std::array<const char*, 5> kTokenizerKinds = {
    "byte-level-gpt2", "byte-level-llama3", "byte-level-qwen", "sentencepiece-metaspace",
    "sentencepiece-prepend"};

inline std::filesystem::path golden_folder(const std::string& kind) {
  return std::filesystem::path(TROUPE_SOURCE_DIR) / "tests/data/golden/tokenizers" / kind;
}

inline std::shared_ptr<const Tokenizer> golden_tokenizer(const std::string& kind) {
  static std::map<std::string, std::shared_ptr<const Tokenizer>> loaded;
  auto& slot = loaded[kind];
  if (slot == nullptr) {
    auto tokenizer = Tokenizer::load(golden_folder(kind) / "tokenizer.json");
    REQUIRE_MESSAGE(tokenizer, kind);
    slot = *tokenizer;
  }
  return slot;
}

}  // namespace troupe::test
