#include "cli/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace troupe::cli {
namespace {

constexpr const char* kEraseLine = "\r\x1b[2K";

}  // namespace

std::string progress_line(double share, const std::string& what, int width) {
  const auto done = std::clamp(share, 0.0, 1.0);
  const auto filled = static_cast<int>(std::floor(done * width));
  std::string line = "[";
  for (int place = 0; place < width; ++place) {
    line += place < filled ? '=' : ' ';
  }
  char percent[16];
  std::snprintf(percent, sizeof percent, "] %3.0f %% ", std::floor(100 * done));
  return line + percent + what;
}

ProgressBar::ProgressBar() : on_terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (shown_) {
    std::fputs(kEraseLine, stderr);
  }
}

void ProgressBar::show(double share, const std::string& what) {
  if (!on_terminal_) {
    return;
  }
  std::fputs((kEraseLine + progress_line(share, what)).c_str(), stderr);
  std::fflush(stderr);
  shown_ = true;
}

}  // namespace troupe::cli
