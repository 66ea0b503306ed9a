#include "rehearsal/vocabulary.h"

#include "engine/base/check.h"
#include "engine/text/tokenizer.h"

namespace troupe::rehearsal {
namespace {

std::string json_string(char character) {
  const bool escaped = character == '"' || character == '\\';
  return escaped ? std::string("\"\\") + character + "\"" : std::string("\"") + character + "\"";
}

}  // namespace

std::string text_of(const std::vector<TokenId>& tokens) {
  std::string text;
  for (const auto token : tokens) {
    if (token != kEndOfSequence) {
      text += character_of(token);
    }
  }
  return text;
}

std::shared_ptr<const Tokenizer> rehearsal_tokenizer() {
  std::string vocabulary = R"("<end>":0)";
  for (TokenId token = 1; token < kMaxVocabulary; ++token) {
    vocabulary += "," + json_string(character_of(token)) + ":" + std::to_string(token);
  }
  const auto json = R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[
    {"id":0,"content":"<end>","single_word":false,"lstrip":false,"rstrip":false,
     "normalized":false,"special":true}],
    "normalizer":null,
    "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,
                     "use_regex":false},
    "post_processor":null,
    "decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},
    "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,
             "end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,
             "ignore_merges":false,"merges":[],"vocab":{)" +
                    vocabulary + "}}}";
  auto made = Tokenizer::parse(json);
  TROUPE_CHECK(made, "the tokenizer of rehearsals must load: " + made.error().message);
  return *made;
}

}  // namespace troupe::rehearsal
