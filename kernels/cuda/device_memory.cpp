#include "kernels/cuda/device_memory.h"

#include "kernels/cuda/status.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <string>
#include <utility>

namespace troupe::cuda {
namespace {

std::string megabytes(std::size_t num_bytes) {
  return std::to_string(num_bytes >> 20U) + " MiB";
}

}  // namespace

// A failure to free has nobody to report to: the context is gone, and the memory with it.
void DeviceFree::operator()(std::byte* memory) const {
  static_cast<void>(cudaFree(memory));
}

void PinnedFree::operator()(std::byte* memory) const {
  static_cast<void>(cudaFreeHost(memory));
}

Result<DeviceBuffer> allocate_device(std::size_t num_bytes, std::string_view purpose) {
  void* memory = nullptr;
  const auto status = cudaMalloc(&memory, std::max<std::size_t>(num_bytes, 1));
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());  // it stays otherwise, and the next launch would find it
    const auto left = device_memory();
    return fail(ErrorCode::resource_exhausted,
                std::string(purpose) + " needs " + megabytes(num_bytes) + " of device memory, " +
                    (left ? megabytes(left->free_bytes) : "an unknown amount") + " is free");
  }
  if (auto allocated = check(status, "cudaMalloc"); !allocated) {
    return pass(std::move(allocated));
  }
  return DeviceBuffer(static_cast<std::byte*>(memory), num_bytes);
}

Result<PinnedBuffer> allocate_pinned(std::size_t num_bytes, std::string_view purpose) {
  void* memory = nullptr;
  const auto status = cudaMallocHost(&memory, std::max<std::size_t>(num_bytes, 1));
  if (auto allocated = check(status, "cudaMallocHost"); !allocated) {
    return fail(allocated.error().code, std::string(purpose) + " needs " + megabytes(num_bytes) +
                                            " of pinned memory: " + allocated.error().message);
  }
  return PinnedBuffer(static_cast<std::byte*>(memory), num_bytes);
}

Result<DeviceMemory> device_memory() {
  DeviceMemory memory;
  if (auto asked = check(cudaMemGetInfo(&memory.free_bytes, &memory.total_bytes), "cudaMemGetInfo");
      !asked) {
    return pass(std::move(asked));
  }
  return memory;
}

}  // namespace troupe::cuda
