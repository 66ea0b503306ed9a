// Reads a person's lines: with editing and a history on a terminal, plainly from a pipe.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace troupe::cli {

/// Owned by one thread. The history lives as long as the editor and is never written anywhere.
class LineEditor {
 public:
  explicit LineEditor(std::string prompt);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// Both ends are a terminal.
  [[nodiscard]] bool is_interactive() const;

  enum class Outcome { line, interrupted, end };

  struct Input {
    Outcome outcome = Outcome::end;
    std::string line;  // without its newline
  };

  /// Waits for a line. On a terminal Ctrl-C gives `interrupted`.
  [[nodiscard]] Input read();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace troupe::cli
