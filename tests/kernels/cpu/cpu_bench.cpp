// Tokens a second of whole models with random weights: decode at several batch sizes, prefill of
// one prompt. Each figure is the median of its rounds, with the best and the worst beside it.
//   cpu_bench [demo|tinyllama|smollm] [threads] [scalar|avx2|avx512bf16] [prefill|decode]
//   cpu_bench products [threads] [path]      the machine's ceilings, and the product beside them
#include "kernels/cpu/cpu_model.h"
#include "kernels/cpu/cpu_operations.h"

#include "tests/kernels/cpu/batch_builder.h"
#include "tests/kernels/cpu/product_bench.h"
#include "tests/kernels/cpu/random_model.h"
#include "tests/kernels/cpu/stopwatch.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace {

using troupe::CpuPath;
using troupe::test::BatchBuilder;
using troupe::test::CachedSequence;
using troupe::test::Figure;
using troupe::test::measure;
using troupe::test::RandomShape;
using Clock = std::chrono::steady_clock;

constexpr std::int32_t kBlockSize = 16;
constexpr std::int32_t kMaxSequences = 32;
constexpr std::int32_t kMaxTokens = 512;
constexpr std::int32_t kLength = 1024;  // of each sequence's block table

RandomShape shape_named(const std::string& name) {
  if (name == "tinyllama") {
    return {.hidden_size = 2048,
            .num_layers = 22,
            .num_heads = 32,
            .num_kv_heads = 4,
            .head_size = 64,
            .intermediate_size = 5632,
            .vocab_size = 32000,
            .tied_embeddings = false};
  }
  if (name == "smollm") {
    return {.hidden_size = 576,
            .num_layers = 30,
            .num_heads = 9,
            .num_kv_heads = 3,
            .head_size = 64,
            .intermediate_size = 1536,
            .vocab_size = 49152};
  }
  return {.hidden_size = 384,
          .num_layers = 5,
          .num_heads = 6,
          .num_kv_heads = 2,
          .head_size = 64,
          .intermediate_size = 896,
          .vocab_size = 2048};
}

CpuPath path_named(const std::string& name) {
  for (const auto path : troupe::available_cpu_paths()) {
    if (name == to_string(path)) {
      return path;
    }
  }
  return troupe::available_cpu_paths().back();
}

CachedSequence make_sequence(std::int32_t index, std::int32_t vocab) {
  CachedSequence sequence;
  for (std::int32_t i = 0; i < kLength; ++i) {
    sequence.tokens.push_back((i * 7919 + index * 31) % vocab);
  }
  for (std::int32_t i = 0; i < kLength / kBlockSize; ++i) {
    sequence.blocks.push_back(i * kMaxSequences + index);
  }
  return sequence;
}

void run_step(troupe::cpu::CpuOperations& operations,
              const troupe::PackedBatch& batch,
              std::int32_t num_layers) {
  if (!troupe::forward(operations, batch, num_layers)) {
    std::abort();
  }
}

void print(const char* what, int tokens, double bytes, const Figure& figure) {
  std::printf("%-14s %9.1f tok/s (%.1f … %.1f)  %.3f ms  %.1f GB/s of weights\n", what,
              tokens / figure.median, tokens / figure.worst, tokens / figure.best,
              figure.median * 1e3, bytes / figure.median / 1e9);
}

/// A model on the machine, with room for every sequence of the bench.
class Bench {
 public:
  Bench(const RandomShape& shape, std::int32_t threads, CpuPath path) : shape_(shape) {
    const auto model = troupe::test::random_model(shape, {});
    const auto begin = Clock::now();
    const auto packed = troupe::cpu::pack_model(model, threads);
    const auto packing = std::chrono::duration<double>(Clock::now() - begin).count();
    operations_ = *troupe::cpu::CpuOperations::make(
        *packed, {.num_threads = threads,
                  .path = path,
                  .block_size = kBlockSize,
                  .num_blocks = kLength / kBlockSize * kMaxSequences,
                  .max_num_seqs = kMaxSequences,
                  .max_num_batched_tokens = kMaxTokens});
    const double heads = 2.0 * shape.num_heads + 2.0 * shape.num_kv_heads;
    const double layer =
        shape.hidden_size * (heads * shape.head_size + 3.0 * shape.intermediate_size);
    weight_bytes_ = 2.0 * (static_cast<double>(shape.hidden_size) * shape.vocab_size +
                           shape.num_layers * layer);
    std::printf("%.1f MB of weights, packed in %.2f s, %d threads, %s\n", weight_bytes_ / 1e6,
                packing, threads, std::string(to_string(path)).c_str());
  }

  void prefill() {
    auto prompt = make_sequence(0, shape_.vocab_size);
    const auto figure = measure(is_small() ? 31 : 5, [&] {
      prompt.num_computed = 0;
      BatchBuilder builder(kBlockSize);
      builder.add(prompt, kMaxTokens);
      run_step(*operations_, builder.batch(), shape_.num_layers);
    });
    print("prefill 512", kMaxTokens, weight_bytes_, figure);
  }

  void decode(std::int32_t batch) {
    std::vector<CachedSequence> sequences;
    for (std::int32_t i = 0; i < batch; ++i) {
      sequences.push_back(make_sequence(i, shape_.vocab_size));
    }
    const auto figure = measure(is_small() ? 201 : 15, [&] {
      BatchBuilder builder(kBlockSize);
      for (auto& sequence : sequences) {
        builder.add(sequence, 1);
      }
      run_step(*operations_, builder.batch(), shape_.num_layers);
    });
    print(("decode B=" + std::to_string(batch)).c_str(), batch, weight_bytes_, figure);
  }

 private:
  [[nodiscard]] bool is_small() const { return weight_bytes_ < 1e8; }

  RandomShape shape_;
  std::unique_ptr<troupe::cpu::CpuOperations> operations_;
  double weight_bytes_ = 0.0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "demo";
  const auto cores = static_cast<std::int32_t>(std::thread::hardware_concurrency());
  const auto threads = argc > 2 ? std::atoi(argv[2]) : std::max(1, cores);
  const std::string what = argc > 4 ? argv[4] : "";
  const auto path = path_named(argc > 3 ? argv[3] : "");
  if (name == "products") {
    troupe::test::run_product_bench(threads, path);
    return 0;
  }
  Bench bench(shape_named(name), threads, path);
  if (what != "decode") {
    bench.prefill();
  }
  if (what != "prefill") {
    for (const std::int32_t batch : {1, 2, 4, 8, 16, 32}) {
      bench.decode(batch);
    }
  }
  return 0;
}
