// Indices in the order in which they were linked last: who comes first has waited longest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace troupe {

/// Of the indices [0, count), each linked once or not at all. Every operation costs O(1); memory is
/// taken at the start. Not thread-safe.
class RecencyList {
 public:
  explicit RecencyList(std::int32_t count);

  [[nodiscard]] std::int32_t size() const { return size_; }

  [[nodiscard]] bool contains(std::int32_t index) const { return next_[at(index)] != kNoLink; }

  /// Links `index` as the latest. Checked: it is not linked.
  void link(std::int32_t index);

  /// Checked: it is linked.
  void unlink(std::int32_t index);

  /// The one that was linked before all others, or nothing.
  [[nodiscard]] std::optional<std::int32_t> oldest() const;

  /// All of them, the oldest first. Costs O(size); for audits.
  [[nodiscard]] std::vector<std::int32_t> all() const;

 private:
  static constexpr std::int32_t kNoLink = -1;

  [[nodiscard]] static std::size_t at(std::int32_t index) {
    return static_cast<std::size_t>(index);
  }

  // A ring of links; the index behind the last one is its head.
  std::int32_t head_;
  std::vector<std::int32_t> previous_;
  std::vector<std::int32_t> next_;
  std::int32_t size_ = 0;
};

}  // namespace troupe
