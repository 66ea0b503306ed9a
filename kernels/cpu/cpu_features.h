// Which instructions the kernels may use, found at run time.
#pragma once

#include "engine/base/result.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace troupe {

/// One set of kernels. All of them compute the same chains of operations: they differ in speed, and
/// in results only where a subnormal number appears.
enum class CpuPath : std::uint8_t { detect, scalar, avx2, avx512bf16 };

[[nodiscard]] std::string_view to_string(CpuPath path);

/// The paths that this machine can run, slowest first. `scalar` is always one of them.
[[nodiscard]] std::vector<CpuPath> available_cpu_paths();

/// `wanted`, or the fastest for `detect`. Error `unsupported` when the machine cannot run it.
[[nodiscard]] Result<CpuPath> choose_cpu_path(CpuPath wanted);

}  // namespace troupe
