// A model's chat template: a conversation to the text that the model was trained on. Renders as
// transformers does (Jinja with trim_blocks and lstrip_blocks, loop controls, no access to
// anything but data), through minijinja behind engine/text/bridge.
#pragma once

#include "engine/api/request.h"
#include "engine/base/result.h"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace troupe {

/// The date and time for templates that ask for it, UTC.
using WallTime = std::chrono::sys_seconds;

/// Largest tokenizer_config.json or template file that is read.
inline constexpr std::size_t kMaxTemplateFileBytes = std::size_t{16} << 20;

/// One compiled template with the special tokens it may name. Immutable: any number of threads may
/// share one.
class ChatTemplate {
 public:
  /// The template of a model's folder: chat_template.jinja, or `chat_template` in
  /// tokenizer_config.json (a string, or a list with one named `default`), or null when the model
  /// has none. Errors: `invalid_model` with the file's name, `io`.
  static Result<std::shared_ptr<const ChatTemplate>> load(const std::filesystem::path& folder);

  /// The template `source` with the special tokens of a tokenizer_config.json's content.
  /// Errors: `invalid_model` with the line at fault.
  static Result<std::shared_ptr<const ChatTemplate>> compile(
      std::string_view source, std::string_view tokenizer_config = "{}");

  ChatTemplate(const ChatTemplate&) = delete;
  ChatTemplate& operator=(const ChatTemplate&) = delete;
  ~ChatTemplate();

  /// The prompt's text. Errors, all `invalid_value` with `messages` at fault: the template's own
  /// words when it refuses the conversation, a failure within it, more work or text than a
  /// conversation can need. Costs about as much as the text is long.
  [[nodiscard]] Result<std::string> render(const ChatPrompt& prompt, WallTime now) const;

  /// The template and what it is given beside the messages: characters found in neither come from
  /// the messages.
  [[nodiscard]] std::string_view own_text() const;

 private:
  struct Parts;

  explicit ChatTemplate(std::unique_ptr<const Parts> parts);

  std::unique_ptr<const Parts> parts_;
};

}  // namespace troupe
