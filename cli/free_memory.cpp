#include "cli/free_memory.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>

namespace troupe::cli {
namespace {

constexpr std::int64_t kKibibyte = 1024;

std::optional<std::int64_t> available_memory(const std::filesystem::path& meminfo) {
  std::ifstream file(meminfo);
  std::string name;
  std::int64_t kibibytes = 0;
  for (std::string unit; file >> name >> kibibytes; std::getline(file, unit)) {
    if (name == "MemAvailable:") {
      return kibibytes * kKibibyte;
    }
  }
  return std::nullopt;
}

// The file says "max" where there is no limit, which is no number.
std::optional<std::int64_t> number_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::int64_t number = 0;
  return file >> number ? std::optional(number) : std::nullopt;
}

}  // namespace

std::int64_t free_memory_bytes(const std::filesystem::path& proc,
                               const std::filesystem::path& cgroup) {
  const auto available = available_memory(proc / "meminfo").value_or(0);
  const auto limit = number_in(cgroup / "memory.max");
  const auto used = number_in(cgroup / "memory.current");
  if (!limit || !used) {
    return available;
  }
  return std::clamp<std::int64_t>(*limit - *used, 0, available);
}

}  // namespace troupe::cli
