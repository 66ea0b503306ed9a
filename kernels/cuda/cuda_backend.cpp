// Enqueues whole steps on one stream: upload, seats, forward pass, sampling, download. The device
// hands its own tokens on from step to step; the host only reads along.
#include "kernels/cuda/cuda_backend.h"

#include "engine/base/check.h"
#include "kernels/cuda/backend_plan.h"
#include "kernels/cuda/block_mover.h"
#include "kernels/cuda/cuda_operations.h"
#include "kernels/cuda/matmul_tuning.h"
#include "kernels/cuda/seat_update.h"
#include "kernels/cuda/status.h"
#include "kernels/cuda/step_graphs.h"
#include "kernels/cuda/step_output.h"
#include "kernels/cuda/stream.h"

#include <array>
#include <chrono>
#include <deque>
#include <string>
#include <utility>

namespace troupe {
namespace cuda {
namespace {

constexpr std::int32_t kCapacity = static_cast<std::int32_t>(StepInput::kNumImages);

// What a step needs of its own while it is pending; used in turn.
struct StepSlot {
  StepOutput output;
  Event begin;
  Event end;
};

// Everything that a backend allocates, in the order in which it is made.
struct Parts {
  std::shared_ptr<const CudaModel> model;
  Stream stream;
  Activations activations;
  std::unique_ptr<Matmul> matmul;
  std::unique_ptr<StepInput> input;
  std::array<StepSlot, StepInput::kNumImages> slots;
  DeviceBuffer cache_memory;
  CacheShape cache;
  BlockMover mover;
  BackendDescription description;
  std::int32_t max_model_len = 0;
};

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(std::unique_ptr<Parts> parts)
      : parts_(std::move(parts)),
        seats_(parts_->description, parts_->max_model_len),
        operations_(parts_->model,
                    parts_->activations,
                    *parts_->matmul,
                    parts_->cache,
                    parts_->stream.get()) {}

  // Frees nothing that a step under way still reads.
  ~CudaBackend() override { static_cast<void>(cudaStreamSynchronize(parts_->stream.get())); }

  [[nodiscard]] const BackendDescription& description() const override {
    return parts_->description;
  }

  [[nodiscard]] std::int32_t capacity() const override { return kCapacity; }

  [[nodiscard]] Result<void> enqueue(std::shared_ptr<const StepPlan> plan) override {
    TROUPE_CHECK(plan != nullptr, "a plan is enqueued");
    TROUPE_CHECK(pending_.size() < static_cast<std::size_t>(kCapacity),
                 std::to_string(kCapacity) + " plans are pending already");
    if (auto set = check(cudaSetDevice(parts_->model->device_index), "cudaSetDevice"); !set) {
      return set;
    }
    auto& step = seats_.apply(*plan);
    if (auto launched = launch(*plan, step, next_slot_); !launched) {
      return launched;
    }
    pending_.push_back({.plan = std::move(plan), .samples = step.samples, .slot = next_slot_});
    next_slot_ = (next_slot_ + 1) % parts_->slots.size();
    return {};
  }

  [[nodiscard]] Result<StepResult> wait() override {
    TROUPE_CHECK(!pending_.empty(), "no plan is pending");
    const auto pending = std::move(pending_.front());
    pending_.pop_front();
    const auto& slot = parts_->slots[pending.slot];
    if (auto done = check(cudaEventSynchronize(slot.end.get()), "a step"); !done) {
      return pass(std::move(done));
    }
    auto tokens = slot.output.tokens(pending.samples);
    if (!tokens) {
      return pass(std::move(tokens));
    }
    const auto time = elapsed_ms(slot.begin, slot.end);
    if (!time) {
      return tl::unexpected(time.error());
    }
    const auto taken = std::chrono::duration<float, std::milli>(*time);
    return StepResult{.ring = pending.plan->ring,
                      .step = pending.plan->step,
                      .tokens = *std::move(tokens),
                      .device_time = std::chrono::duration_cast<Duration>(taken)};
  }

  [[nodiscard]] Result<void> begin_ring(RingNumber /*ring*/) override {
    if (auto done = check(cudaStreamSynchronize(parts_->stream.get()), "the steps of a ring");
        !done) {
      return done;
    }
    pending_.clear();
    seats_.clear();
    return {};
  }

 private:
  struct Pending {
    std::shared_ptr<const StepPlan> plan;  // its token lists are uploaded from
    std::vector<PendingSample> samples;
    std::size_t slot = 0;
  };

  [[nodiscard]] cudaStream_t stream() const { return parts_->stream.get(); }

  Result<void> launch(const StepPlan& plan, PackedStep& step, std::size_t slot_index) {
    auto& slot = parts_->slots[slot_index];
    if (auto begun = check(cudaEventRecord(slot.begin.get(), stream()), "cudaEventRecord");
        !begun) {
      return begun;
    }
    const auto& spec = parts_->model->spec;
    plan_attention(work_, step.batch,
                   {.num_kv_heads = spec.num_kv_heads,
                    .group = spec.num_heads / spec.num_kv_heads,
                    .max_decode_splits = parts_->cache.max_decode_items,
                    .decode_blocks = parts_->cache.decode_blocks});
    const bool is_replayed = only_decodes(step) && work_.prefill.empty();
    if (is_replayed) {
      pad_decode(step, decode_bucket(step.batch.num_tokens(), parts_->description.max_num_seqs));
    }
    const auto uploaded = parts_->input->upload(step, work_, slot_index, stream());
    if (!uploaded) {
      return tl::unexpected(uploaded.error());
    }
    if (auto moved = move_blocks(plan); !moved) {
      return moved;
    }
    if (auto seated = update(plan, *uploaded); !seated) {
      return seated;
    }
    operations_.set_step(*uploaded);
    const auto compute_step = [&] { return compute(step.batch, *uploaded); };
    auto computed =
        is_replayed ? graphs_.run(uploaded->num_tokens, compute_step, stream()) : compute_step();
    if (!computed) {
      return computed;
    }
    if (auto downloaded = slot.output.download(parts_->activations, step.samples, stream());
        !downloaded) {
      return downloaded;
    }
    return check(cudaEventRecord(slot.end.get(), stream()), "cudaEventRecord");
  }

  Result<void> move_blocks(const StepPlan& plan) {
    const auto moves = moves_of(plan);
    if (moves.empty()) {
      return {};
    }
    check_moves(moves, parts_->description);
    return parts_->mover.enqueue(moves, stream());
  }

  Result<void> update(const StepPlan& plan, const DeviceStep& step) {
    const auto& memory = parts_->activations;
    if (auto seated = update_seats({.arrivals = step.arrivals,
                                    .biases = step.biases,
                                    .end_tokens = step.end_tokens,
                                    .growth = step.growth,
                                    .blocks = step.blocks,
                                    .state = memory.seats,
                                    .tables = memory.tables,
                                    .table_width = parts_->cache.table_width,
                                    .num_arrivals = step.num_arrivals,
                                    .num_growth = step.num_growth},
                                   stream());
        !seated) {
      return seated;
    }
    for (const auto& arrival : plan.seats_taken) {
      if (auto written = write_history(arrival); !written) {
        return written;
      }
    }
    return {};
  }

  // Penalties alone read a seat's history, so that only they pay for a copy from pageable memory,
  // in which the host waits until the driver has taken the tokens.
  Result<void> write_history(const SeatTaken& arrival) {
    if (!has_penalty(arrival.start->sampling)) {
      return {};
    }
    const auto& seats = parts_->activations.seats;
    const auto& tokens = arrival.start->tokens;
    return check(
        cudaMemcpyAsync(
            seats.history + static_cast<std::int64_t>(arrival.seat) * seats.history_size,
            tokens.data(), tokens.size() * sizeof(TokenId), cudaMemcpyHostToDevice, stream()),
        "the upload of a history");
  }

  Result<void> compute(const PackedBatch& batch, const DeviceStep& on_device) {
    if (on_device.num_tokens == 0) {
      return {};
    }
    const auto& spec = parts_->model->spec;
    if (auto forwarded = forward(operations_, batch, spec.num_layers); !forwarded) {
      return forwarded;
    }
    const auto& memory = parts_->activations;
    return sample({.logits = memory.logits,
                   .seats = on_device.sample_seats,
                   .positions = on_device.sample_positions,
                   .masks_ends = on_device.masks_ends,
                   .state = memory.seats,
                   .adjusted = memory.adjusted,
                   .counts = memory.counts,
                   .weights = memory.weights,
                   .outcomes = memory.outcomes,
                   .top_logits = memory.top_logits,
                   .num_rows = on_device.num_samples,
                   .vocab_size = spec.vocab_size},
                  stream());
  }

  std::unique_ptr<Parts> parts_;
  StepSeats seats_;
  CudaOperations operations_;
  AttentionWork work_;
  StepGraphs graphs_;
  std::deque<Pending> pending_;
  std::size_t next_slot_ = 0;
};

Result<std::string> device_name(std::int32_t index) {
  cudaDeviceProp properties = {};
  if (auto asked = check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
      !asked) {
    return pass(std::move(asked));
  }
  return "cuda:" + std::to_string(index) + " (" + properties.name + ", bfloat16)";
}

Result<void> make_slots(Parts& parts, std::int32_t max_samples) {
  for (auto& slot : parts.slots) {
    auto output = StepOutput::make(max_samples);
    auto begin = make_event();
    auto end = make_event();
    if (!output) {
      return pass(std::move(output));
    }
    if (!begin) {
      return pass(std::move(begin));
    }
    if (!end) {
      return pass(std::move(end));
    }
    slot = {*std::move(output), *std::move(begin), *std::move(end)};
  }
  return {};
}

Result<void> make_memory(Parts& parts, const BackendPlan& plan) {
  auto stream = make_stream();
  if (!stream) {
    return pass(std::move(stream));
  }
  parts.stream = *std::move(stream);
  auto activations = make_activations(parts.model->spec, plan.activations);
  if (!activations) {
    return pass(std::move(activations));
  }
  parts.activations = *std::move(activations);
  auto input = StepInput::make(plan.step);
  if (!input) {
    return pass(std::move(input));
  }
  parts.input = std::make_unique<StepInput>(*std::move(input));
  auto matmul = Matmul::make();
  if (!matmul) {
    return pass(std::move(matmul));
  }
  parts.matmul = std::make_unique<Matmul>(*std::move(matmul));
  return make_slots(parts, plan.activations.num_seats);
}

// The cache comes last: it takes what everything else has left.
Result<void> make_cache(Parts& parts, const BackendPlan& plan, const CudaOptions& options) {
  const auto& spec = parts.model->spec;
  const auto memory = device_memory();
  if (!memory) {
    return tl::unexpected(memory.error());
  }
  const auto num_blocks = count_blocks(spec, options, plan, *memory);
  if (!num_blocks) {
    return tl::unexpected(num_blocks.error());
  }
  const auto decode_blocks = decode_attention_blocks(spec.head_size);
  if (!decode_blocks) {
    return tl::unexpected(decode_blocks.error());
  }
  const auto num_bytes = static_cast<std::size_t>(*num_blocks * bytes_per_block(spec));
  auto cache = allocate_device(num_bytes, "the KV cache");
  if (!cache) {
    return pass(std::move(cache));
  }
  parts.cache_memory = *std::move(cache);
  parts.cache = {.data = parts.cache_memory.as<Bf16>(),
                 .num_blocks = *num_blocks,
                 .table_width = plan.activations.table_width,
                 .decode_blocks = *decode_blocks,
                 .max_decode_items = plan.activations.num_decode_items};
  auto mover = BlockMover::make({.data = parts.cache_memory.data(),
                                 .num_layers = spec.num_layers,
                                 .num_blocks = *num_blocks,
                                 .block_bytes = bytes_per_block(spec) / spec.num_layers},
                                options.num_host_blocks);
  if (!mover) {
    return pass(std::move(mover));
  }
  parts.mover = *std::move(mover);
  return {};
}

Result<void> describe(Parts& parts, const BackendPlan& plan, const CudaOptions& options) {
  auto name = device_name(options.device_index);
  if (!name) {
    return pass(std::move(name));
  }
  const auto host_link = parts.mover.measure_host_link(parts.stream.get());
  if (!host_link) {
    return tl::unexpected(host_link.error());
  }
  const auto prefill_rate = measure_prefill_rate(*parts.matmul, *parts.model, parts.activations,
                                                 plan.activations, parts.stream.get());
  if (!prefill_rate) {
    return tl::unexpected(prefill_rate.error());
  }
  const auto& spec = parts.model->spec;
  parts.max_model_len = plan.max_model_len;
  parts.description = {.device = *std::move(name),
                       .num_blocks = parts.cache.num_blocks,
                       .block_size = options.block_size,
                       .bytes_per_block = bytes_per_block(spec),
                       .max_num_seqs = options.max_num_seqs,
                       .max_num_batched_tokens = options.max_num_batched_tokens,
                       .vocab_size = spec.vocab_size,
                       .num_host_blocks = options.num_host_blocks,
                       .host_link_bytes_per_second = *host_link,
                       .prefill_tokens_per_second = *prefill_rate};
  return {};
}

Result<std::unique_ptr<Parts>> make_parts(std::shared_ptr<const CudaModel> model,
                                          const CudaOptions& options) {
  const auto plan = plan_backend(model->spec, options);
  if (!plan) {
    return tl::unexpected(plan.error());
  }
  auto parts = std::make_unique<Parts>();
  parts->model = std::move(model);
  if (auto made = make_memory(*parts, *plan); !made) {
    return pass(std::move(made));
  }
  if (auto tuned = tune_matmuls(*parts->matmul, *parts->model, parts->activations,
                                plan->activations, parts->stream.get());
      !tuned) {
    return pass(std::move(tuned));
  }
  if (auto made = make_cache(*parts, *plan, options); !made) {
    return pass(std::move(made));
  }
  if (auto described = describe(*parts, *plan, options); !described) {
    return pass(std::move(described));
  }
  return parts;
}

}  // namespace
}  // namespace cuda

std::int32_t num_cuda_devices() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

Result<std::shared_ptr<const CudaModel>> make_cuda_model(const std::shared_ptr<const Model>& model,
                                                         const CudaOptions& options) {
  TROUPE_CHECK(model != nullptr, "a model is uploaded");
  const auto num_devices = num_cuda_devices();
  if (options.device_index < 0 || options.device_index >= num_devices) {
    return fail(ErrorCode::invalid_value,
                "device_index is " + std::to_string(options.device_index) + ", the driver offers " +
                    std::to_string(num_devices) + " CUDA devices",
                "device_index");
  }
  return cuda::upload_model(*model, options.device_index);
}

Result<std::unique_ptr<Backend>> make_cuda_backend(std::shared_ptr<const CudaModel> model,
                                                   const CudaOptions& options) {
  TROUPE_CHECK(model != nullptr, "a backend computes a model");
  if (auto set = cuda::check(cudaSetDevice(model->device_index), "cudaSetDevice"); !set) {
    return pass(std::move(set));
  }
  auto parts = cuda::make_parts(std::move(model), options);
  if (!parts) {
    return pass(std::move(parts));
  }
  return std::make_unique<cuda::CudaBackend>(*std::move(parts));
}

}  // namespace troupe
