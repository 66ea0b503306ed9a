#include "kernels/cuda/activations.h"
#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_work.h"
#include "kernels/cuda/bench/bench.h"
#include "kernels/cuda/bench/read_bandwidth.h"
#include "kernels/cuda/convert.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/sample.h"
#include "kernels/cuda/skinny_matmul.h"
#include "kernels/cuda/swiglu.h"

#include <fmt/core.h>

#include <numeric>
#include <random>
#include <string>

namespace troupe::cuda {
namespace {

// Enough memory that no input is still cached when its turn comes again.
constexpr std::int64_t kRotatedBytes = std::int64_t{4} << 30U;

DeviceBuffer random_buffer(std::int64_t count, float bound) {
  auto buffer = must(allocate_device(static_cast<std::size_t>(count) * sizeof(Bf16), "a bench"));
  must(fill_random(buffer.as<Bf16>(), count, bound, 1, cudaStreamLegacy));
  must(check(cudaStreamSynchronize(cudaStreamLegacy), "fill_random"));
  return buffer;
}

template <class T>
DeviceBuffer upload(const std::vector<T>& values) {
  auto buffer = must(allocate_device(values.size() * sizeof(T), "a bench"));
  if (cudaMemcpy(buffer.data(), values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice) !=
      cudaSuccess) {
    throw std::runtime_error("an upload failed");
  }
  return buffer;
}

void print_row(const std::string& name, double ms, double floor_ms) {
  fmt::print("{:<44} {:>10.2f} us {:>10.2f} us {:>7.2f}\n", name, ms * 1e3, floor_ms * 1e3,
             ms / floor_ms);
}

// The cache of one layer, full of random numbers.
struct BenchCache {
  KvLayer layer;
  std::int32_t num_blocks = 0;
  DeviceBuffer memory;
};

BenchCache make_cache(const ModelSpec& spec) {
  BenchCache cache;
  cache.layer = {.data = nullptr, .num_kv_heads = spec.num_kv_heads, .head_size = spec.head_size};
  const auto block_size = cache.layer.block_size();
  cache.num_blocks = static_cast<std::int32_t>(kRotatedBytes / (block_size * 2));
  cache.memory = random_buffer(cache.num_blocks * block_size, 1.0F);
  cache.layer.data = cache.memory.as<Bf16>();
  return cache;
}

// Sequences of equal length, of which the last tokens ask.
struct AttentionShape {
  std::int32_t batch_size = 0;
  std::int32_t length = 0;  // query tokens of a sequence
  std::int32_t context = 0;
};

PackedBatch make_batch(const AttentionShape& shape) {
  PackedBatch batch;
  batch.query_starts.push_back(0);
  for (std::int32_t sequence = 0; sequence < shape.batch_size; ++sequence) {
    batch.query_starts.push_back((sequence + 1) * shape.length);
    batch.context_lengths.push_back(shape.context);
  }
  return batch;
}

// One batch on the device, with tables that take turns over the whole cache.
class AttentionRun {
 public:
  AttentionRun(const ModelSpec& spec, const BenchCache& cache, const AttentionShape& shape)
      : shape_(shape),
        query_size_(std::int64_t{spec.num_heads} * spec.head_size),
        decode_blocks_(must(decode_attention_blocks(spec.head_size))),
        query_(random_buffer(shape.batch_size * shape.length * query_size_, 1.0F)),
        attended_(random_buffer(shape.batch_size * shape.length * query_size_, 1.0F)) {
    upload_tables(cache);
    const auto batch = make_batch(shape);
    const auto num_splits = num_decode_splits(shape.context) * shape.batch_size;
    plan_attention(work_, batch,
                   {.num_kv_heads = spec.num_kv_heads,
                    .group = spec.num_heads / spec.num_kv_heads,
                    .max_decode_splits = num_splits,
                    .decode_blocks = decode_blocks_});
    const auto sequences = static_cast<std::size_t>(shape.batch_size);
    std::vector<std::int32_t> seats(sequences);
    std::iota(seats.begin(), seats.end(), 0);
    seats_ = upload(seats);
    starts_ = upload(batch.query_starts);
    lengths_ = upload(std::vector<std::int32_t>(sequences, shape.length));
    contexts_ = upload(batch.context_lengths);
    decode_items_ = upload(work_.decode);
    prefill_items_ = upload(work_.prefill);
    num_items_ = upload(std::vector<std::int32_t>{static_cast<std::int32_t>(work_.decode.size())});
    const auto splits = static_cast<std::size_t>(num_splits);
    values_ = must(
        allocate_device(splits * static_cast<std::size_t>(query_size_) * sizeof(float), "a bench"));
    sums_ = must(allocate_device(splits * static_cast<std::size_t>(spec.num_heads) * sizeof(float2),
                                 "a bench"));
    arrived_ =
        upload(std::vector<std::int32_t>(sequences * static_cast<std::size_t>(spec.num_kv_heads)));
    input_ = {.query = query_.as<Bf16>(),
              .query_stride = static_cast<std::int32_t>(query_size_),
              .num_heads = spec.num_heads,
              .cache = cache.layer,
              .scale = spec.attention_scale,
              .tables = nullptr,
              .table_width = width_,
              .seats = seats_.as<std::int32_t>(),
              .query_starts = starts_.as<std::int32_t>(),
              .query_lengths = lengths_.as<std::int32_t>(),
              .context_lengths = contexts_.as<std::int32_t>()};
  }

  void launch(int call, cudaStream_t stream) {
    input_.tables = tables_.as<std::int32_t>() +
                    call % num_rotations_ * std::int64_t{shape_.batch_size} * width_;
    if (shape_.length > 1) {
      must(prefill_attention({.input = input_,
                              .items = prefill_items_.as<PrefillItem>(),
                              .num_items = static_cast<std::int32_t>(work_.prefill.size()),
                              .attended = attended_.as<Bf16>()},
                             stream));
      return;
    }
    must(decode_attention({.input = input_,
                           .items = decode_items_.as<DecodeItem>(),
                           .num_items = num_items_.as<std::int32_t>(),
                           .max_items = static_cast<std::int32_t>(work_.decode.size()),
                           .partial_values = values_.as<float>(),
                           .partial_sums = sums_.as<float2>(),
                           .arrived = arrived_.as<std::int32_t>(),
                           .attended = attended_.as<Bf16>(),
                           .num_blocks = decode_blocks_},
                          stream));
  }

 private:
  void upload_tables(const BenchCache& cache) {
    width_ = (shape_.context + 63) / 64 * 4;
    const auto per_batch = shape_.batch_size * width_;
    num_rotations_ = std::max(cache.num_blocks / per_batch, 1);
    std::vector<std::int32_t> tables(static_cast<std::size_t>(per_batch * num_rotations_));
    std::iota(tables.begin(), tables.end(), 0);
    std::shuffle(tables.begin(), tables.end(), std::mt19937(3));
    for (auto& block : tables) {
      block %= cache.num_blocks;
    }
    tables_ = upload(tables);
  }

  AttentionShape shape_;
  std::int64_t query_size_;
  std::int32_t decode_blocks_;
  DeviceBuffer query_, attended_, tables_, seats_, starts_, lengths_, contexts_;
  DeviceBuffer decode_items_, prefill_items_, num_items_, values_, sums_, arrived_;
  AttentionWork work_;
  AttentionInput input_;
  std::int32_t width_ = 0;
  std::int32_t num_rotations_ = 0;
};

void bench_attention(const ModelSpec& spec,
                     const BenchCache& cache,
                     const AttentionShape& shape,
                     const Ceilings& ceilings) {
  AttentionRun run(spec, cache, shape);
  const auto ms = time_ms(20, [&](int call, cudaStream_t stream) { run.launch(call, stream); });
  const double keys_seen = shape.length * (shape.context - (shape.length - 1) / 2.0);
  const double heads = static_cast<double>(spec.num_heads) * spec.head_size;
  const double flops = 4.0 * shape.batch_size * keys_seen * heads;
  const double bytes = 4.0 * shape.batch_size * shape.context *
                       static_cast<double>(spec.num_kv_heads) * spec.head_size;
  print_row(fmt::format("attention batch {} query {} context {}", shape.batch_size, shape.length,
                        shape.context),
            ms, std::max(bytes / ceilings.read_bytes_per_ms, flops / ceilings.flops_per_ms));
  if (shape.length > 1) {
    fmt::print("{:<44} {:>10.1f} TFLOP/s\n", "", flops / ms * 1e-9);
  }
}

void bench_matmul(Matmul& matmul,
                  const std::string& name,
                  std::int32_t outputs,
                  std::int32_t inputs,
                  const Ceilings& ceilings) {
  constexpr std::int32_t kMaxRows = 2048;
  const auto weight_size = std::int64_t{outputs} * inputs;
  const auto copies = std::max<std::int64_t>(2, (std::int64_t{1} << 30U) / (weight_size * 2));
  const auto weights = random_buffer(weight_size * copies, 0.02F);
  const auto x = random_buffer(std::int64_t{kMaxRows} * inputs, 1.0F);
  const auto y = random_buffer(std::int64_t{kMaxRows} * outputs, 1.0F);
  std::vector<const Bf16*> all;
  for (std::int64_t copy = 0; copy < copies; ++copy) {
    all.push_back(weights.as<Bf16>() + copy * weight_size);
  }
  MatmulArgs args{.x = x.as<Bf16>(),
                  .weight = nullptr,
                  .y = y.data(),
                  .num_rows = kMaxRows,
                  .num_outputs = outputs,
                  .num_inputs = inputs};
  must(matmul.prepare({args, all}, cudaStreamLegacy));
  for (const std::int32_t rows : {1, 8, 16, 32, 64, 128, 256, 512, 2048}) {
    args.num_rows = rows;
    const auto ms = time_ms(20, [&](int call, cudaStream_t stream) {
      args.weight = all[static_cast<std::size_t>(call) % all.size()];
      must(matmul.run(args, stream));
    });
    const double bytes =
        2.0 * (static_cast<double>(weight_size) + static_cast<double>(rows) * (inputs + outputs));
    const double flops = 2.0 * rows * static_cast<double>(weight_size);
    const auto floor = std::max(bytes / ceilings.read_bytes_per_ms, flops / ceilings.flops_per_ms);
    print_row(fmt::format("matmul {} {}x{} rows {}", name, outputs, inputs, rows), ms, floor);
    if (is_skinny(args)) {
      const auto skinny_ms = time_ms(20, [&](int call, cudaStream_t stream) {
        args.weight = all[static_cast<std::size_t>(call) % all.size()];
        must(skinny_matmul(args, stream));
      });
      print_row(fmt::format("  skinny kernel {} rows {}", name, rows), skinny_ms, floor);
    }
  }
}

void bench_rows(const ModelSpec& spec, const Ceilings& ceilings) {
  constexpr std::int32_t kMaxRows = 4096;
  const std::int64_t hidden = spec.hidden_size;
  const std::int64_t inner = spec.intermediate_size;
  const auto residual = random_buffer(kMaxRows * hidden * 2, 1.0F);
  const auto delta = random_buffer(kMaxRows * hidden, 0.01F);
  const auto weight = random_buffer(hidden, 1.0F);
  const auto normed = random_buffer(kMaxRows * hidden, 1.0F);
  const auto gate_up = random_buffer(kMaxRows * inner * 2, 1.0F);
  const auto activated = random_buffer(kMaxRows * inner, 1.0F);
  if (cudaMemset(residual.data(), 0, residual.num_bytes()) != cudaSuccess) {
    throw std::runtime_error("a memset failed");
  }
  for (const std::int32_t rows : {1, 64, 512, 4096}) {
    const auto norm_ms = time_ms(20, [&](int, cudaStream_t stream) {
      must(add_norm({.residual = residual.as<float>(),
                     .delta = delta.as<Bf16>(),
                     .delta_bias = nullptr,
                     .weight = weight.as<Bf16>(),
                     .rows = nullptr,
                     .normed = normed.as<Bf16>(),
                     .num_rows = rows,
                     .hidden_size = spec.hidden_size,
                     .epsilon = 1e-5F},
                    stream));
    });
    print_row(fmt::format("add_norm rows {}", rows), norm_ms,
              12.0 * rows * static_cast<double>(hidden) / ceilings.read_bytes_per_ms);
    const auto gate_ms = time_ms(20, [&](int, cudaStream_t stream) {
      must(swiglu({.gate_up = gate_up.as<Bf16>(),
                   .bias = nullptr,
                   .activated = activated.as<Bf16>(),
                   .num_tokens = rows,
                   .intermediate_size = spec.intermediate_size},
                  stream));
    });
    print_row(fmt::format("swiglu rows {}", rows), gate_ms,
              6.0 * rows * static_cast<double>(inner) / ceilings.read_bytes_per_ms);
  }
}

void bench_sampling(const ModelSpec& spec, const Ceilings& ceilings) {
  constexpr std::int32_t kRows = 128;
  const ActivationLimits limits{.num_tokens = 1,
                                .num_seats = kRows,
                                .max_model_len = 64,
                                .table_width = 4,
                                .num_decode_items = 1};
  const auto memory = must(make_activations(spec, limits));
  const std::int64_t count = std::int64_t{kRows} * spec.vocab_size;
  std::mt19937 random(9);
  std::normal_distribution<float> normal(0.0F, 3.0F);
  std::vector<float> logits(static_cast<std::size_t>(count));
  for (auto& logit : logits) {
    logit = normal(random);
  }
  const auto on_device = upload(logits);
  std::vector<std::int32_t> seats(kRows);
  std::iota(seats.begin(), seats.end(), 0);
  const auto seats_on_device = upload(seats);
  const auto zeros = upload(std::vector<std::int32_t>(kRows));
  SeatSampling sampled;
  sampled.temperature = 0.8F;
  SeatSampling ranked = sampled;
  ranked.top_k = 50;
  ranked.top_p = 0.9F;

  const struct {
    const char* name;
    SeatSampling sampling;
  } kinds[] = {{"greedy", {}}, {"temperature", sampled}, {"top-k, top-p", ranked}};

  for (const auto& kind : kinds) {
    const auto sampling = upload(std::vector<SeatSampling>(kRows, kind.sampling));
    auto state = memory.seats;
    state.sampling = sampling.as<SeatSampling>();
    for (const std::int32_t rows : {1, kRows}) {
      const auto ms = time_ms(10, [&](int, cudaStream_t stream) {
        must(sample({.logits = on_device.as<float>(),
                     .seats = seats_on_device.as<std::int32_t>(),
                     .positions = seats_on_device.as<std::int32_t>(),
                     .masks_ends = zeros.as<std::int32_t>(),
                     .state = state,
                     .adjusted = memory.adjusted,
                     .counts = memory.counts,
                     .weights = memory.weights,
                     .outcomes = memory.outcomes,
                     .top_logits = memory.top_logits,
                     .num_rows = rows,
                     .vocab_size = spec.vocab_size},
                    stream));
      });
      print_row(fmt::format("sample {} rows {} vocabulary {}", kind.name, rows, spec.vocab_size),
                ms, 4.0 * rows * spec.vocab_size / ceilings.read_bytes_per_ms);
    }
  }
}

}  // namespace

Ceilings measure_ceilings() {
  Ceilings ceilings;
  {
    const auto memory = random_buffer(kRotatedBytes / 2, 1.0F);
    const auto sink = must(allocate_device(sizeof(unsigned), "a bench"));
    const auto ms = time_ms(2, [&](int, cudaStream_t stream) {
      must(read_memory(memory.data(), kRotatedBytes, sink.as<unsigned>(), stream));
    });
    ceilings.read_bytes_per_ms = static_cast<double>(kRotatedBytes) / ms;
  }
  constexpr std::int32_t kSize = 8192;
  constexpr std::int64_t kCount = std::int64_t{kSize} * kSize;
  const auto x = random_buffer(kCount, 1.0F);
  const auto weight = random_buffer(kCount, 1.0F);
  const auto y = random_buffer(kCount, 1.0F);
  auto matmul = must(Matmul::make());
  const MatmulArgs args{.x = x.as<Bf16>(),
                        .weight = weight.as<Bf16>(),
                        .y = y.data(),
                        .num_rows = kSize,
                        .num_outputs = kSize,
                        .num_inputs = kSize};
  const auto ms = time_ms(3, [&](int, cudaStream_t stream) { must(matmul.run(args, stream)); });
  ceilings.flops_per_ms = 2.0 * kSize * static_cast<double>(kCount) / ms;
  cudaDeviceProp properties = {};
  static_cast<void>(cudaGetDeviceProperties(&properties, 0));
  ceilings.device = properties.name;
  fmt::print("{}: reads {:.0f} GB/s, 8192^3 bfloat16 matmul {:.0f} TFLOP/s\n", ceilings.device,
             ceilings.read_bytes_per_ms * 1e-6, ceilings.flops_per_ms * 1e-9);
  return ceilings;
}

void bench_kernels(const ModelSpec& spec, const Ceilings& ceilings) {
  fmt::print("{:<44} {:>13} {:>13} {:>7}\n", "kernel", "time", "floor", "ratio");
  bench_rows(spec, ceilings);
  bench_sampling(spec, ceilings);
  {
    const auto cache = make_cache(spec);
    for (const auto& shape :
         {AttentionShape{1, 1, 512}, AttentionShape{8, 1, 512}, AttentionShape{32, 1, 512},
          AttentionShape{64, 1, 512}, AttentionShape{128, 1, 512}, AttentionShape{1, 1, 2048},
          AttentionShape{64, 1, 2048}, AttentionShape{1, 1, 8192}, AttentionShape{4, 512, 512},
          AttentionShape{1, 2048, 2048}, AttentionShape{1, 8192, 8192},
          AttentionShape{1, 512, 8192}}) {
      bench_attention(spec, cache, shape, ceilings);
    }
  }
  auto matmul = must(Matmul::make());
  const auto query = spec.num_heads * spec.head_size;
  bench_matmul(matmul, "qkv", (spec.num_heads + 2 * spec.num_kv_heads) * spec.head_size,
               spec.hidden_size, ceilings);
  bench_matmul(matmul, "o", spec.hidden_size, query, ceilings);
  bench_matmul(matmul, "gate_up", 2 * spec.intermediate_size, spec.hidden_size, ceilings);
  bench_matmul(matmul, "down", spec.hidden_size, spec.intermediate_size, ceilings);
}

}  // namespace troupe::cuda
