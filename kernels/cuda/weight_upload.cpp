#include "kernels/cuda/weight_upload.h"

#include "kernels/cuda/convert.h"
#include "kernels/cuda/status.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace troupe::cuda {
namespace {

// Long enough that a copy runs at the bus's full rate, short enough to begin at once.
constexpr std::size_t kPieceBytes = std::size_t{32} << 20U;

std::size_t bytes_of(DType dtype) {
  return dtype == DType::float32 ? 4 : 2;
}

std::int64_t count_elements(const TensorView& tensor) {
  std::int64_t count = 1;
  for (const auto size : tensor.shape) {
    count *= size;
  }
  return count;
}

}  // namespace

Result<WeightUpload> WeightUpload::make() {
  WeightUpload upload;
  auto stream = make_stream();
  if (!stream) {
    return pass(std::move(stream));
  }
  upload.stream_ = *std::move(stream);
  for (auto& piece : upload.pieces_) {
    auto pinned = allocate_pinned(kPieceBytes, "the upload of weights");
    auto raw = allocate_device(kPieceBytes, "the upload of weights");
    auto done = make_event();
    if (!pinned) {
      return pass(std::move(pinned));
    }
    if (!raw) {
      return pass(std::move(raw));
    }
    if (!done) {
      return pass(std::move(done));
    }
    piece.pinned = *std::move(pinned);
    piece.raw = *std::move(raw);
    piece.done = *std::move(done);
  }
  return upload;
}

Result<void> WeightUpload::add(const TensorView& tensor, Bf16* target) {
  const auto width = bytes_of(tensor.dtype);
  const auto num_bytes = static_cast<std::size_t>(count_elements(tensor)) * width;
  for (std::size_t begin = 0; begin < num_bytes; begin += kPieceBytes) {
    const auto size = std::min(kPieceBytes, num_bytes - begin);
    if (auto sent = send(tensor.data + begin, size, tensor.dtype, target + begin / width); !sent) {
      return sent;
    }
  }
  return {};
}

Result<void> WeightUpload::add_zeros(Bf16* target, std::int64_t count) {
  return check(
      cudaMemsetAsync(target, 0, static_cast<std::size_t>(count) * sizeof(Bf16), stream_.get()),
      "cudaMemsetAsync");
}

Result<void> WeightUpload::finish() {
  return check(cudaStreamSynchronize(stream_.get()), "the upload of weights");
}

Result<void> WeightUpload::send(const std::byte* source,
                                std::size_t num_bytes,
                                DType dtype,
                                Bf16* target) {
  auto& piece = pieces_[next_];
  next_ = (next_ + 1) % pieces_.size();
  // An event that was never recorded counts as done.
  if (auto free = check(cudaEventSynchronize(piece.done.get()), "the upload of weights"); !free) {
    return free;
  }
  std::memcpy(piece.pinned.data(), source, num_bytes);
  void* const landing = dtype == DType::bfloat16 ? static_cast<void*>(target) : piece.raw.data();
  if (auto copied = check(cudaMemcpyAsync(landing, piece.pinned.data(), num_bytes,
                                          cudaMemcpyHostToDevice, stream_.get()),
                          "the upload of weights");
      !copied) {
    return copied;
  }
  const auto count = static_cast<std::int64_t>(num_bytes / bytes_of(dtype));
  auto converted = Result<void>();
  if (dtype == DType::float32) {
    converted = convert(piece.raw.as<float>(), target, count, stream_.get());
  } else if (dtype == DType::float16) {
    converted = convert(piece.raw.as<__half>(), target, count, stream_.get());
  }
  if (!converted) {
    return converted;
  }
  return check(cudaEventRecord(piece.done.get(), stream_.get()), "cudaEventRecord");
}

}  // namespace troupe::cuda
