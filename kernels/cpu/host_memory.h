// Large buffers straight from the operating system: zeroed, page-aligned, on huge pages where it
// offers them.
#pragma once

#include "engine/base/result.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace troupe::cpu {

/// Memory that the machine could still give, or the largest number when it does not say.
[[nodiscard]] std::int64_t available_memory_bytes();

/// Owns one mapping. Movable; the addresses stay.
class HostMemory {
 public:
  /// `num_bytes` zeros; `purpose` names them in the message. All pages are taken at once, so that
  /// what is missing is missed at the start and not in the middle of a request. Error
  /// `resource_exhausted` when the machine has not that much left.
  [[nodiscard]] static Result<HostMemory> reserve(std::int64_t num_bytes, std::string_view purpose);

  HostMemory() = default;

  HostMemory(HostMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        num_bytes_(std::exchange(other.num_bytes_, 0)) {}

  HostMemory& operator=(HostMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(num_bytes_, other.num_bytes_);
    return *this;
  }

  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;
  ~HostMemory();

  [[nodiscard]] std::byte* data() const { return data_; }

  [[nodiscard]] std::int64_t num_bytes() const { return num_bytes_; }

 private:
  HostMemory(std::byte* data, std::int64_t num_bytes) : data_(data), num_bytes_(num_bytes) {}

  std::byte* data_ = nullptr;
  std::int64_t num_bytes_ = 0;
};

/// Hands out consecutive pieces of a `HostMemory`, each on a cache line of its own.
class Arena {
 public:
  Arena() = default;

  explicit Arena(HostMemory memory) : memory_(std::move(memory)) {}

  /// `count` zeroed elements. Checked: they fit.
  template <class T>
  [[nodiscard]] T* take(std::int64_t count) {
    return reinterpret_cast<T*>(take_bytes(count * static_cast<std::int64_t>(sizeof(T))));
  }

  /// What `take` uses up for `num_bytes`.
  [[nodiscard]] static constexpr std::int64_t padded(std::int64_t num_bytes) {
    return (num_bytes + kLineBytes - 1) / kLineBytes * kLineBytes;
  }

 private:
  static constexpr std::int64_t kLineBytes = 64;

  [[nodiscard]] std::byte* take_bytes(std::int64_t num_bytes);

  HostMemory memory_;
  std::int64_t used_bytes_ = 0;
};

}  // namespace troupe::cpu
