#include "kernels/cuda/activations.h"
#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_work.h"
#include "kernels/cuda/bench/bench.h"
#include "kernels/cuda/bench/read_bandwidth.h"
#include "kernels/cuda/convert.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/sample.h"
#include "kernels/cuda/swiglu.h"

#include <fmt/core.h>

#include <cmath>
#include <numeric>
#include <random>
#include <string>

namespace troupe::cuda {
namespace {

// Enough memory that no input is still cached when its turn comes again.
constexpr std::int64_t kRotatedBytes = std::int64_t{4} << 30U;

ModelSpec make_spec(std::int32_t kv_heads, std::int32_t inner, std::int32_t vocab, float theta) {
  ModelSpec spec{.architecture = "LlamaForCausalLM",
                 .hidden_size = 4096,
                 .num_layers = 32,
                 .num_heads = 32,
                 .num_kv_heads = kv_heads,
                 .head_size = 128,
                 .intermediate_size = inner,
                 .vocab_size = vocab,
                 .max_position = 8192,
                 .attention_scale = 1.0F / std::sqrt(128.0F),
                 .rope = {},
                 .eos_tokens = {}};
  spec.rope.rotary_dim = 128;
  for (int pair = 0; pair < 64; ++pair) {
    spec.rope.inverse_frequency.push_back(std::pow(theta, static_cast<float>(-pair) / 64.0F));
  }
  return spec;
}

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

// One layer's attention over a cache of its own.
class AttentionBench {
 public:
  AttentionBench(const ModelSpec& spec, const Ceilings& ceilings)
      : spec_(spec),
        ceilings_(ceilings),
        layer_{.data = nullptr, .num_kv_heads = spec.num_kv_heads, .head_size = spec.head_size},
        num_blocks_(kRotatedBytes / (layer_.block_size() * 2)),
        cache_(random_buffer(num_blocks_ * layer_.block_size(), 1.0F)),
        decode_blocks_(must(decode_attention_blocks(spec.head_size))) {
    layer_.data = cache_.as<Bf16>();
  }

  void run(std::int32_t batch_size, std::int32_t length, std::int32_t context);

 private:
  const ModelSpec& spec_;
  const Ceilings& ceilings_;
  KvLayer layer_;
  std::int64_t num_blocks_;
  DeviceBuffer cache_;
  std::int32_t decode_blocks_;
};

void AttentionBench::run(std::int32_t batch_size, std::int32_t length, std::int32_t context) {
  const auto width = (context + 63) / 64 * 4;
  const auto per_batch = std::int64_t{batch_size} * width;
  const auto rotations = static_cast<int>(std::max<std::int64_t>(num_blocks_ / per_batch, 1));
  std::vector<std::int32_t> tables(static_cast<std::size_t>(per_batch * rotations));
  std::iota(tables.begin(), tables.end(), 0);
  std::shuffle(tables.begin(), tables.end(), std::mt19937(3));
  for (auto& block : tables) {
    block %= static_cast<std::int32_t>(num_blocks_);
  }
  PackedBatch batch;
  batch.query_starts.push_back(0);
  std::vector<std::int32_t> seats, starts, lengths;
  for (std::int32_t sequence = 0; sequence < batch_size; ++sequence) {
    seats.push_back(sequence);
    starts.push_back(sequence * length);
    lengths.push_back(length);
    batch.query_starts.push_back((sequence + 1) * length);
    batch.context_lengths.push_back(context);
  }
  AttentionWork work;
  plan_attention(work, batch, spec_.num_heads / spec_.num_kv_heads, 1 << 20);
  const std::int64_t tokens = std::int64_t{batch_size} * length;
  const std::int64_t query_size = std::int64_t{spec_.num_heads} * spec_.head_size;
  const auto query = random_buffer(tokens * query_size, 1.0F);
  const auto attended = random_buffer(tokens * query_size, 1.0F);
  const auto tables_on_device = upload(tables);
  const auto seats_on_device = upload(seats);
  const auto starts_on_device = upload(starts);
  const auto lengths_on_device = upload(lengths);
  const auto contexts = upload(batch.context_lengths);
  const auto decode_items = upload(work.decode);
  const auto prefill_items = upload(work.prefill);
  const auto num_items = static_cast<std::int32_t>(work.decode.size());
  const auto count = upload(std::vector<std::int32_t>{num_items});
  const auto values = must(
      allocate_device(static_cast<std::size_t>(num_items * query_size) * sizeof(float), "a bench"));
  const auto sums = must(allocate_device(
      static_cast<std::size_t>(num_items * spec_.num_heads) * sizeof(float2), "a bench"));
  const auto arrived =
      upload(std::vector<std::int32_t>(static_cast<std::size_t>(batch_size * spec_.num_kv_heads)));
  AttentionInput input{.query = query.as<Bf16>(),
                       .query_stride = static_cast<std::int32_t>(query_size),
                       .num_heads = spec_.num_heads,
                       .cache = layer_,
                       .scale = spec_.attention_scale,
                       .tables = nullptr,
                       .table_width = width,
                       .seats = seats_on_device.as<std::int32_t>(),
                       .query_starts = starts_on_device.as<std::int32_t>(),
                       .query_lengths = lengths_on_device.as<std::int32_t>(),
                       .context_lengths = contexts.as<std::int32_t>()};
  const auto launch = [&](int call, cudaStream_t stream) {
    input.tables = tables_on_device.as<std::int32_t>() + call % rotations * per_batch;
    if (length > 1) {
      must(prefill_attention({.input = input,
                              .items = prefill_items.as<PrefillItem>(),
                              .num_items = static_cast<std::int32_t>(work.prefill.size()),
                              .attended = attended.as<Bf16>()},
                             stream));
      return;
    }
    must(decode_attention({.input = input,
                           .items = decode_items.as<DecodeItem>(),
                           .num_items = count.as<std::int32_t>(),
                           .max_items = num_items,
                           .partial_values = values.as<float>(),
                           .partial_sums = sums.as<float2>(),
                           .arrived = arrived.as<std::int32_t>(),
                           .attended = attended.as<Bf16>(),
                           .num_blocks = decode_blocks_},
                          stream));
  };
  const auto ms = time_ms(20, launch);
  const double keys_seen = static_cast<double>(length) *
                           (static_cast<double>(context) - static_cast<double>(length - 1) / 2.0);
  const double flops = 4.0 * batch_size * keys_seen * static_cast<double>(query_size);
  const double bytes =
      static_cast<double>(batch_size) * context * 4.0 * spec_.num_kv_heads * spec_.head_size;
  const auto name =
      fmt::format("attention batch {} query {} context {}", batch_size, length, context);
  print_row(name, ms,
            std::max(bytes / ceilings_.read_bytes_per_ms, flops / ceilings_.flops_per_ms));
  if (length > 1) {
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
    print_row(fmt::format("matmul {} {}x{} rows {}", name, outputs, inputs, rows), ms,
              std::max(bytes / ceilings.read_bytes_per_ms, flops / ceilings.flops_per_ms));
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

ModelSpec llama_7b() {
  return make_spec(32, 11008, 32000, 10000.0F);
}

ModelSpec llama_3_8b() {
  return make_spec(8, 14336, 128256, 500000.0F);
}

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
  fmt::print("{}: reads {:.0f} GB/s, 8192^3 bfloat16 matmul {:.0f} TFLOP/s\n", properties.name,
             ceilings.read_bytes_per_ms * 1e-6, ceilings.flops_per_ms * 1e-9);
  return ceilings;
}

void bench_kernels(const ModelSpec& spec, const Ceilings& ceilings) {
  fmt::print("{:<44} {:>13} {:>13} {:>7}\n", "kernel", "time", "floor", "ratio");
  bench_rows(spec, ceilings);
  bench_sampling(spec, ceilings);
  {
    AttentionBench attention(spec, ceilings);
    for (const std::int32_t batch : {1, 8, 32, 64, 128}) {
      attention.run(batch, 1, 512);
    }
    attention.run(1, 1, 2048);
    attention.run(64, 1, 2048);
    attention.run(1, 1, 8192);
    attention.run(4, 512, 512);
    attention.run(1, 2048, 2048);
    attention.run(1, 8192, 8192);
    attention.run(1, 512, 8192);
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
