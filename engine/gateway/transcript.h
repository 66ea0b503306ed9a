// The output of one request from its beginning, and where its deltas ended, so that a client that
// has a part of it can be given the rest.
#pragma once

#include "engine/api/event.h"
#include "engine/base/result.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe {

/// A value; not thread-safe.
class Transcript {
 public:
  /// The client was told `delta`.
  void append(const Delta& delta);

  /// All deltas as one.
  [[nodiscard]] const Delta& whole() const { return whole_; }

  /// The places of all deltas, as `troupe::num_places` counts them.
  [[nodiscard]] std::int32_t num_places() const;

  /// What is left for a client that has a part.
  struct Rest {
    SkippedOutput skipped;
    std::vector<Delta> deltas;  // few: those with tokens are merged
  };

  /// The rest after the last delta that ends at or before place `num_places`.
  /// Error: `invalid_value` when there are fewer places, or `num_places` is negative.
  [[nodiscard]] Result<Rest> after(std::int32_t num_places) const;

  /// About how much memory it takes.
  [[nodiscard]] std::size_t num_bytes() const;

 private:
  // Where a delta ended.
  struct Mark {
    std::int32_t num_places = 0;
    std::int32_t num_tokens = 0;
    std::size_t text_bytes = 0;
  };

  [[nodiscard]] Delta between(const Mark& begin, const Mark& end) const;

  Delta whole_;
  std::vector<Mark> marks_;       // ascending in places
  std::size_t num_logprobs_ = 0;  // entries of all lists together
};

}  // namespace troupe
