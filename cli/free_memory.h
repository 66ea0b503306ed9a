// How much memory this process may still take.
#pragma once

#include <cstdint>
#include <filesystem>

namespace troupe::cli {

/// What the kernel calls available, or what a control group leaves if that is less. Reads
/// `proc`/meminfo and `cgroup`/memory.{max,current}. 0 when nothing can be read.
[[nodiscard]] std::int64_t free_memory_bytes(
    const std::filesystem::path& proc = "/proc",
    const std::filesystem::path& cgroup = "/sys/fs/cgroup");

}  // namespace troupe::cli
