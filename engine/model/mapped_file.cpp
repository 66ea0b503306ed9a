#include "engine/model/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace troupe {
namespace {

struct Descriptor {
  explicit Descriptor(const std::filesystem::path& path)
      : number(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}

  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  ~Descriptor() {
    if (number >= 0) {
      ::close(number);
    }
  }

  int number;
};

tl::unexpected<Error> fail_with_errno(const std::filesystem::path& path) {
  const auto code = errno == ENOENT || errno == ENOTDIR ? ErrorCode::not_found : ErrorCode::io;
  return fail(code, path.string() + ": " + std::generic_category().message(errno));
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& path) {
  const Descriptor file(path);

  struct stat status {};

  if (file.number < 0 || ::fstat(file.number, &status) != 0) {
    return fail_with_errno(path);
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::io, path.string() + ": not a regular file");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) {  // mmap takes no empty range
    return std::shared_ptr<const MappedFile>(new MappedFile(nullptr, 0));
  }
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number, 0);
  if (data == MAP_FAILED) {
    return fail_with_errno(path);
  }
  return std::shared_ptr<const MappedFile>(
      new MappedFile(static_cast<const std::byte*>(data), size));
}

MappedFile::~MappedFile() {
  if (size_ > 0) {
    ::munmap(const_cast<std::byte*>(data_), size_);
  }
}

}  // namespace troupe
