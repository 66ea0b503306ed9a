// See prompt_encoder.h.
#include "engine/text/prompt_encoder.h"

#include "engine/base/check.h"
#include "engine/text/content_guard.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace troupe {

namespace {

using Marks = std::vector<std::vector<std::size_t>>;

/// For each message the places in its content that would be read as special tokens.
Result<Marks> find_marks(const Tokenizer& tokenizer, const ChatPrompt& prompt) {
  Marks marks;
  marks.reserve(prompt.messages.size());
  for (const ChatMessage& message : prompt.messages) {
    auto found = tokenizer.special_marks(message.content);
    if (!found) {
      return fail(found.error().code, found.error().message, "messages");
    }
    marks.push_back(std::move(*found));
  }
  return marks;
}

/// `prompt` with stand-ins at the marked places.
Result<ChatPrompt> hide_marked(const ChatPrompt& prompt,
                               const Marks& marks,
                               std::string_view template_text,
                               ContentGuard& guard) {
  guard.note(template_text);
  for (const ChatMessage& message : prompt.messages) {
    guard.note(message.content);
    guard.note(message.role);
  }
  ChatPrompt hidden = prompt;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    auto content = guard.hide(prompt.messages[i].content, marks[i]);
    if (!content) {
      return pass(std::move(content));
    }
    hidden.messages[i].content = std::move(*content);
  }
  return hidden;
}

}  // namespace

PromptEncoder::PromptEncoder(std::shared_ptr<const Tokenizer> tokenizer,
                             std::shared_ptr<const ChatTemplate> chat_template)
    : tokenizer_(std::move(tokenizer)), chat_template_(std::move(chat_template)) {
  TROUPE_CHECK(tokenizer_ != nullptr, "a prompt encoder needs a tokenizer");
}

Result<std::vector<TokenId>> PromptEncoder::encode(const Prompt& prompt, WallTime now) const {
  if (const auto* tokens = std::get_if<TokenPrompt>(&prompt)) {
    return tokens->tokens;
  }
  if (const auto* text = std::get_if<TextPrompt>(&prompt)) {
    auto tokens = tokenizer_->encode(text->text, {.add_special_tokens = AddSpecialTokens::yes,
                                                  .special_text = SpecialText::is_token});
    if (!tokens) {
      return fail(tokens.error().code, tokens.error().message, "prompt");
    }
    return tokens;
  }
  return encode_chat(std::get<ChatPrompt>(prompt), now);
}

Result<std::vector<TokenId>> PromptEncoder::encode_chat(const ChatPrompt& prompt,
                                                        WallTime now) const {
  if (chat_template_ == nullptr) {
    return fail(ErrorCode::unsupported,
                "the model has no chat template: send a prompt instead of messages", "messages");
  }
  auto marks = find_marks(*tokenizer_, prompt);
  if (!marks) {
    return pass(std::move(marks));
  }
  ContentGuard guard;
  const bool is_honest = std::ranges::all_of(*marks, [](const auto& of) { return of.empty(); });
  auto hidden = is_honest ? Result<ChatPrompt>(prompt)
                          : hide_marked(prompt, *marks, chat_template_->own_text(), guard);
  if (!hidden) {
    return pass(std::move(hidden));
  }
  auto rendered = chat_template_->render(*hidden, now);
  if (!rendered) {
    return pass(std::move(rendered));
  }
  const GuardedText guarded = guard.reveal(*rendered);
  auto tokens = tokenizer_->encode_guarded(guarded.text, guarded.plain_at);
  if (!tokens) {
    return fail(tokens.error().code, tokens.error().message, "messages");
  }
  return tokens;
}

}  // namespace troupe
