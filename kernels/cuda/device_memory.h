// Memory of the device and pinned memory of the host, each with one owner.
#pragma once

#include "engine/base/result.h"

#include <cstddef>
#include <memory>
#include <string_view>

namespace troupe::cuda {

struct DeviceFree {
  void operator()(std::byte* memory) const;
};

struct PinnedFree {
  void operator()(std::byte* memory) const;
};

/// Bytes that somebody frees; aligned to 256.
template <class Free>
class Buffer {
 public:
  Buffer() = default;

  Buffer(std::byte* memory, std::size_t num_bytes) : memory_(memory), num_bytes_(num_bytes) {}

  [[nodiscard]] std::byte* data() const { return memory_.get(); }

  template <class T>
  [[nodiscard]] T* as() const {
    return reinterpret_cast<T*>(memory_.get());
  }

  [[nodiscard]] std::size_t num_bytes() const { return num_bytes_; }

 private:
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t num_bytes_ = 0;
};

using DeviceBuffer = Buffer<DeviceFree>;
using PinnedBuffer = Buffer<PinnedFree>;

/// Uninitialised memory. Error `resource_exhausted` says what it was for, what was asked for and
/// what is free.
[[nodiscard]] Result<DeviceBuffer> allocate_device(std::size_t num_bytes, std::string_view purpose);
[[nodiscard]] Result<PinnedBuffer> allocate_pinned(std::size_t num_bytes, std::string_view purpose);

struct DeviceMemory {
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
};

/// Of the current device, as the driver sees it now.
[[nodiscard]] Result<DeviceMemory> device_memory();

}  // namespace troupe::cuda
