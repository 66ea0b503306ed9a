// The file of a journal: made anew, readable by its owner alone, appended to.
#pragma once

#include "engine/base/result.h"

#include <string>
#include <string_view>

namespace troupe {

/// Owned by the journal actor. Closes the file at its end.
class JournalFile {
 public:
  /// Makes the file. Errors: `io` when it exists (a journal is never overwritten) or cannot be
  /// made.
  [[nodiscard]] static Result<JournalFile> create(const std::string& path);

  JournalFile(JournalFile&& other) noexcept;
  JournalFile& operator=(JournalFile&& other) noexcept;
  ~JournalFile();

  /// Hands the bytes to the operating system: they outlive this process from then on. Blocks.
  /// Errors: `io`.
  [[nodiscard]] Result<void> append(std::string_view bytes);

 private:
  explicit JournalFile(int descriptor) : descriptor_(descriptor) {}

  int descriptor_ = -1;
};

}  // namespace troupe
