#include "tests/kernels/cpu/product_bench.h"

#include "kernels/cpu/host_memory.h"
#include "kernels/cpu/matmul.h"

#include "tests/kernels/cpu/ceilings.h"
#include "tests/kernels/cpu/stopwatch.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace troupe::test {
namespace {

using cpu::Bf16;

constexpr std::int32_t kInputs = 2048;
constexpr std::int32_t kOutputs = 65536;
constexpr std::int32_t kRowCounts[] = {1, 2, 4, 6, 8, 12, 16, 32, 64, 256};
constexpr std::int32_t kMaxRows = 256;
constexpr std::int64_t kStride = kInputs + 32;
constexpr int kRounds = 9;

class ProductBench {
 public:
  ProductBench(std::int32_t threads, CpuPath path)
      : team_(threads), machine_{.team = &team_, .kernels = &cpu::path_kernels(path)} {
    auto memory = cpu::HostMemory::reserve(weight_bytes() + sizeof(float) * kMaxRows * kOutputs +
                                               sizeof(Bf16) * kMaxRows * kStride + 4096,
                                           "the bench");
    if (!memory) {
      std::abort();
    }
    arena_ = cpu::Arena(*std::move(memory));
    weights_ = arena_.take<Bf16>(cpu::packed_elements(kOutputs, kInputs));
    x_ = arena_.take<Bf16>(kMaxRows * kStride);
    out_ = arena_.take<float>(std::int64_t{kMaxRows} * kOutputs);
    // Numbers near 1 of either sign.
    for (std::int64_t i = 0; i < cpu::packed_elements(kOutputs, kInputs); ++i) {
      weights_[i] = static_cast<Bf16>(0x3f80U + static_cast<std::uint64_t>(i) * 7919U % 128U);
    }
    for (std::int64_t i = 0; i < kMaxRows * kStride; ++i) {
      x_[i] = static_cast<Bf16>((i % 3 == 0 ? 0xbf80U : 0x3f80U) +
                                static_cast<std::uint64_t>(i) * 104729U % 128U);
    }
  }

  void run() {
    std::vector<double> reads;
    std::vector<double> dots;
    std::vector<std::vector<double>> products(std::size(kRowCounts));
    for (int round = 0; round < kRounds; ++round) {
      reads.push_back(seconds_of([&] { read_all(team_, weight_memory()); }));
      dots.push_back(seconds_of([&] { run_dots(team_); }));
      for (std::size_t i = 0; i < products.size(); ++i) {
        products[i].push_back(seconds_of([&] { multiply_rows(kRowCounts[i]); }));
      }
    }
    print(figure_of(std::move(reads)), figure_of(std::move(dots)), products);
  }

 private:
  static constexpr std::int64_t weight_bytes() {
    return std::int64_t{kOutputs} * kInputs * static_cast<std::int64_t>(sizeof(Bf16));
  }

  [[nodiscard]] std::span<const std::byte> weight_memory() const {
    return {reinterpret_cast<const std::byte*>(weights_), static_cast<std::size_t>(weight_bytes())};
  }

  void multiply_rows(std::int32_t rows) {
    cpu::multiply(machine_, {.data = x_, .stride = kStride, .count = rows},
                  {.data = weights_, .num_outputs = kOutputs, .num_inputs = kInputs},
                  {.data = out_, .stride = kOutputs});
  }

  void print(const Figure& read,
             const Figure& dot,
             const std::vector<std::vector<double>>& products) const {
    const double bytes = static_cast<double>(weight_bytes());
    std::printf("%d threads\n", team_.num_threads());
    std::printf("read    %6.1f GB/s (%.1f … %.1f)\n", bytes / read.median / 1e9,
                bytes / read.worst / 1e9, bytes / read.best / 1e9);
    if (has_dots()) {
      const double operations = num_dot_operations(team_);
      std::printf("dot     %6.1f GFLOP/s (%.1f … %.1f)\n", operations / dot.median / 1e9,
                  operations / dot.worst / 1e9, operations / dot.best / 1e9);
    }
    std::printf("%6s %8s %9s %20s %9s\n", "rows", "GB/s", "GFLOP/s", "(worst … best)", "ceiling");
    for (std::size_t i = 0; i < products.size(); ++i) {
      const double operations = bytes * kRowCounts[i];  // 2 a weight of 2 bytes
      const auto figure = figure_of(products[i]);
      const double dot_time =
          has_dots() ? operations / num_dot_operations(team_) * dot.median : 0.0;
      std::printf("%6d %8.1f %9.1f %9.1f … %8.1f %7.0f %%\n", kRowCounts[i],
                  bytes / figure.median / 1e9, operations / figure.median / 1e9,
                  operations / figure.worst / 1e9, operations / figure.best / 1e9,
                  100.0 * std::max(read.median, dot_time) / figure.median);
    }
  }

  cpu::ThreadTeam team_;
  cpu::Machine machine_;
  cpu::Arena arena_;
  Bf16* weights_ = nullptr;
  Bf16* x_ = nullptr;
  float* out_ = nullptr;
};

}  // namespace

void run_product_bench(std::int32_t threads, CpuPath path) {
  ProductBench(threads, path).run();
}

}  // namespace troupe::test
