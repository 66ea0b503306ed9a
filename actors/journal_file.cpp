#include "actors/journal_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace troupe {
namespace {

std::string last_problem() {
  return std::generic_category().message(errno);
}

}  // namespace

Result<JournalFile> JournalFile::create(const std::string& path) {
  // It holds the tokens of its clients' requests: nobody else may read it.
  constexpr mode_t kOwnerOnly = 0600;
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kOwnerOnly);
  if (descriptor < 0) {
    return fail(ErrorCode::io, "cannot record to " + path + ": " + last_problem());
  }
  return JournalFile(descriptor);
}

JournalFile::JournalFile(JournalFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

JournalFile& JournalFile::operator=(JournalFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

JournalFile::~JournalFile() {
  if (descriptor_ >= 0) {
    close(descriptor_);
  }
}

Result<void> JournalFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto num_written = write(descriptor_, bytes.data(), bytes.size());
    if (num_written < 0 && errno != EINTR) {
      return fail(ErrorCode::io, "cannot write the journal: " + last_problem());
    }
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(num_written, 0)));
  }
  return {};
}

}  // namespace troupe
