#include "kernels/cuda/step_input.h"

#include "engine/base/check.h"
#include "kernels/cuda/status.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace troupe::cuda {
namespace {

// Every array begins where the widest load of a kernel may begin.
constexpr std::size_t kAlignment = 16;

constexpr std::size_t aligned(std::size_t num_bytes) {
  return (num_bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// Appends arrays to an image, and knows where each will lie on the device.
class ImageWriter {
 public:
  ImageWriter(const PinnedBuffer& image, const DeviceBuffer& device)
      : image_(image), device_(device) {}

  // Room for `count` elements, to be written through the span; their place on the device in `at`.
  template <class T>
  std::span<T> reserve(std::size_t count, const T*& at) {
    const auto begin = num_bytes_;
    num_bytes_ += aligned(count * sizeof(T));
    TROUPE_CHECK(num_bytes_ <= image_.num_bytes(), "a step within the declared maxima");
    at = reinterpret_cast<const T*>(device_.data() + begin);
    return {reinterpret_cast<T*>(image_.data() + begin), count};
  }

  template <class T>
  const T* append(const std::vector<T>& values) {
    const T* at = nullptr;
    const auto room = reserve<T>(values.size(), at);
    std::copy(values.begin(), values.end(), room.begin());
    return at;
  }

  [[nodiscard]] std::size_t num_bytes() const { return num_bytes_; }

 private:
  const PinnedBuffer& image_;
  const DeviceBuffer& device_;
  std::size_t num_bytes_ = 0;
};

std::size_t largest_image(const StepLimits& limits) {
  const auto tokens = static_cast<std::size_t>(limits.num_tokens);
  const auto sequences = static_cast<std::size_t>(limits.num_sequences);
  const auto blocks = sequences * static_cast<std::size_t>(limits.table_width);
  const std::size_t arrays[] = {
      sizeof(std::int32_t),
      tokens * sizeof(std::int32_t) * 3,
      sequences * sizeof(std::int32_t) * 8,
      static_cast<std::size_t>(limits.num_decode_items) * sizeof(DecodeItem),
      static_cast<std::size_t>(limits.num_prefill_items) * sizeof(PrefillItem),
      sequences * (sizeof(SeatArrival) + sizeof(SeatGrowth)),
      sequences * kMaxBiases * sizeof(TokenBias),
      sequences * kMaxEndTokens * sizeof(std::int32_t),
      blocks * sizeof(std::int32_t),
  };
  // Each of some twenty arrays may end in padding.
  std::size_t sum = 32 * kAlignment;
  for (const auto num_bytes : arrays) {
    sum += num_bytes;
  }
  return sum;
}

void write_tokens(ImageWriter& writer, DeviceStep& to, const PackedBatch& batch) {
  to.num_tokens = batch.num_tokens();
  to.tokens = writer.append(batch.tokens);
  to.positions = writer.append(batch.positions);
  const auto slots = writer.reserve<std::int32_t>(batch.slot_mapping.size(), to.slots);
  std::transform(batch.slot_mapping.begin(), batch.slot_mapping.end(), slots.begin(),
                 [](std::int64_t slot) { return static_cast<std::int32_t>(slot); });
}

void write_sequences(ImageWriter& writer, DeviceStep& to, const PackedStep& step) {
  const auto& starts = step.batch.query_starts;
  const auto num_sequences = step.seats.size();
  to.seats = writer.append(step.seats);
  to.context_lengths = writer.append(step.batch.context_lengths);
  const auto begins = writer.reserve<std::int32_t>(num_sequences, to.query_starts);
  const auto lengths = writer.reserve<std::int32_t>(num_sequences, to.query_lengths);
  for (std::size_t sequence = 0; sequence < num_sequences; ++sequence) {
    begins[sequence] = starts[sequence];
    lengths[sequence] = starts[sequence + 1] - starts[sequence];
  }
}

void write_samples(ImageWriter& writer, DeviceStep& to, const PackedStep& step) {
  to.num_samples = step.batch.num_samples();
  to.sample_rows = writer.append(step.batch.sampling_rows);
  to.sample_seats = writer.append(step.batch.sampling_seats);
  to.sample_positions = writer.append(step.sample_positions);
  to.masks_ends = writer.append(step.masks_ends);
}

void write_seats(ImageWriter& writer, DeviceStep& to, const PackedStep& step) {
  to.num_arrivals = static_cast<std::int32_t>(step.arrivals.size());
  to.num_growth = static_cast<std::int32_t>(step.growth.size());
  to.arrivals = writer.append(step.arrivals);
  to.biases = writer.append(step.biases);
  to.end_tokens = writer.append(step.end_tokens);
  to.growth = writer.append(step.growth);
  to.blocks = writer.append(step.blocks);
}

}  // namespace

Result<StepInput> StepInput::make(const StepLimits& limits) {
  StepInput input;
  const auto num_bytes = largest_image(limits);
  for (auto& image : input.images_) {
    auto pinned = allocate_pinned(num_bytes, "the step's input");
    if (!pinned) {
      return pass(std::move(pinned));
    }
    image = *std::move(pinned);
  }
  auto device = allocate_device(num_bytes, "the step's input");
  if (!device) {
    return pass(std::move(device));
  }
  input.device_ = *std::move(device);
  return input;
}

Result<DeviceStep> StepInput::upload(const PackedStep& step,
                                     const AttentionWork& work,
                                     std::size_t image,
                                     cudaStream_t stream) {
  const auto& pinned = images_[image];
  ImageWriter writer(pinned, device_);
  DeviceStep to;
  to.num_decode_items = static_cast<std::int32_t>(work.decode.size());
  to.num_prefill_items = static_cast<std::int32_t>(work.prefill.size());
  writer.reserve<std::int32_t>(1, to.num_decode_items_on_device)[0] = to.num_decode_items;
  write_tokens(writer, to, step.batch);
  write_sequences(writer, to, step);
  write_samples(writer, to, step);
  to.decode_items = writer.append(work.decode);
  to.prefill_items = writer.append(work.prefill);
  write_seats(writer, to, step);
  if (auto copied = check(cudaMemcpyAsync(device_.data(), pinned.data(), writer.num_bytes(),
                                          cudaMemcpyHostToDevice, stream),
                          "the step's upload");
      !copied) {
    return pass(std::move(copied));
  }
  return to;
}

}  // namespace troupe::cuda
