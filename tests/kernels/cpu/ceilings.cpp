// The loops are written so that the compiler can neither drop nor reorder them.
#include "tests/kernels/cpu/ceilings.h"

#include "kernels/cpu/cpu_features.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace troupe::test {
namespace {

constexpr std::int64_t kDotRounds = 1'000'000;
constexpr std::int64_t kDotChains = 12;         // more than the latency of one, in cycles
constexpr std::int64_t kOperationsPerDot = 64;  // 32 products, 32 sums
constexpr std::int32_t kReadUnitBytes = 1 << 20;

#if defined(__x86_64__)
[[gnu::target("avx512f")]] void dot_loop() {
  __m512 sums[kDotChains] = {};
  const __m512i ones = _mm512_set1_epi32(0x3f803f80);
  for (std::int64_t i = 0; i < kDotRounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) {
      asm volatile("vdpbf16ps %1, %1, %0" : "+v"(sum) : "v"(ones));
    }
  }
}
#else
void dot_loop() {}
#endif

/// The sum of the 64-bit words of [begin, end): wide enough to be vectorised by the compiler.
std::uint64_t sum_of(const std::byte* begin, const std::byte* end) {
  std::uint64_t sum = 0;
  const auto* word = reinterpret_cast<const std::uint64_t*>(begin);
  const auto* const last = reinterpret_cast<const std::uint64_t*>(end);
  for (; word != last; ++word) {
    sum += *word;
  }
  return sum;
}

}  // namespace

void read_all(cpu::ThreadTeam& team, std::span<const std::byte> memory) {
  static std::atomic<std::uint64_t> kept;  // so that somebody wants the sums
  const auto num_units = static_cast<std::int32_t>(memory.size() / kReadUnitBytes);
  team.run(num_units, [&](std::int32_t begin, std::int32_t end) {
    kept += sum_of(memory.data() + std::int64_t{begin} * kReadUnitBytes,
                   memory.data() + std::int64_t{end} * kReadUnitBytes);
  });
}

double num_dot_operations(const cpu::ThreadTeam& team) {
  return static_cast<double>(kDotRounds * kDotChains * kOperationsPerDot) * team.num_threads();
}

void run_dots(cpu::ThreadTeam& team) {
  if (!has_dots()) {
    return;
  }
  team.run(team.num_threads(), [](std::int32_t begin, std::int32_t end) {
    for (std::int32_t i = begin; i < end; ++i) {
      dot_loop();
    }
  });
}

bool has_dots() {
  const auto paths = available_cpu_paths();
  return std::find(paths.begin(), paths.end(), CpuPath::avx512bf16) != paths.end();
}

}  // namespace troupe::test
