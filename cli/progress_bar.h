// How far a long run is, on one line of a terminal; nothing where the output is no terminal.
#pragma once

#include <string>

namespace troupe::cli {

/// The line for `share` in [0, 1] done: a bar of `width` letters, the percentage, what is going on.
[[nodiscard]] std::string progress_line(double share, const std::string& what, int width = 40);

/// Writes to the error output, so that tables can go elsewhere.
class ProgressBar {
 public:
  ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  /// Takes the line away.
  ~ProgressBar();

  void show(double share, const std::string& what);

 private:
  bool on_terminal_;
  bool shown_ = false;
};

}  // namespace troupe::cli
