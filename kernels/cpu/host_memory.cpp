// Linux: anonymous mappings, and /proc/meminfo for what is left.
#include "kernels/cpu/host_memory.h"

#include "engine/base/check.h"

#include <sys/mman.h>

#include <cerrno>
#include <fstream>
#include <limits>
#include <string>

namespace troupe::cpu {

std::int64_t available_memory_bytes() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  std::int64_t kibibytes = 0;
  std::string unit;
  while (file >> name >> kibibytes) {
    std::getline(file, unit);
    if (name == "MemAvailable:") {
      return kibibytes * 1024;
    }
  }
  return std::numeric_limits<std::int64_t>::max();
}

Result<HostMemory> HostMemory::reserve(std::int64_t num_bytes, std::string_view purpose) {
  TROUPE_CHECK(num_bytes >= 0, "asked for a negative amount of memory");
  if (num_bytes == 0) {
    return HostMemory();
  }
  const auto refuse = [&](std::int64_t available) {
    return fail(ErrorCode::resource_exhausted,
                std::string(purpose) + " needs " + std::to_string(num_bytes) +
                    " bytes, the machine has " + std::to_string(available) + " left");
  };
  const auto available = available_memory_bytes();
  if (num_bytes > available) {
    return refuse(available);
  }
  void* const data = ::mmap(nullptr, static_cast<std::size_t>(num_bytes), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    return refuse(available);
  }
  HostMemory memory(static_cast<std::byte*>(data), num_bytes);
  // A wish: where huge pages are switched off, small ones serve, more slowly.
  static_cast<void>(::madvise(data, static_cast<std::size_t>(num_bytes), MADV_HUGEPAGE));
  // A kernel older than 5.14 cannot do this and leaves the pages to their first use.
  if (::madvise(data, static_cast<std::size_t>(num_bytes), MADV_POPULATE_WRITE) != 0 &&
      errno == ENOMEM) {
    return refuse(available);
  }
  return memory;
}

HostMemory::~HostMemory() {
  if (data_ != nullptr) {
    ::munmap(data_, static_cast<std::size_t>(num_bytes_));
  }
}

std::byte* Arena::take_bytes(std::int64_t num_bytes) {
  TROUPE_CHECK(used_bytes_ + padded(num_bytes) <= memory_.num_bytes(),
               "an arena was made too small for what it holds");
  auto* const piece = memory_.data() + used_bytes_;
  used_bytes_ += padded(num_bytes);
  return piece;
}

}  // namespace troupe::cpu
