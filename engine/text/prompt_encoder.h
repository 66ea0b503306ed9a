// What a client asks, as the tokens that the model reads.
#pragma once

#include "engine/api/request.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

#include <memory>
#include <vector>

namespace troupe {

/// One model's tokenizer and chat template together. Immutable: any number of threads may share
/// one.
///
/// Nobody can forge a turn of a conversation: within a message's content the text of a special
/// token stays text. Contents without such text get exactly the tokens that transformers gives
/// them. In the others one character of each such place is replaced by a private-use character
/// while the template runs, and put back before the text is encoded, with no added token allowed
/// there. The price: a template that looks for a special token's text inside a content does not
/// find it.
class PromptEncoder {
 public:
  /// `chat_template` is null for a model without one.
  PromptEncoder(std::shared_ptr<const Tokenizer> tokenizer,
                std::shared_ptr<const ChatTemplate> chat_template);

  /// A text gets the special tokens that its tokenizer adds, and special tokens within it are
  /// recognised. Tokens stay as they are. A conversation is rendered, and nothing added. `now` is
  /// for templates that print the date. Errors: those of `Tokenizer::encode` and
  /// `ChatTemplate::render`, `unsupported` for a conversation without a template.
  [[nodiscard]] Result<std::vector<TokenId>> encode(const Prompt& prompt, WallTime now) const;

 private:
  [[nodiscard]] Result<std::vector<TokenId>> encode_chat(const ChatPrompt& prompt,
                                                         WallTime now) const;

  std::shared_ptr<const Tokenizer> tokenizer_;
  std::shared_ptr<const ChatTemplate> chat_template_;
};

}  // namespace troupe
