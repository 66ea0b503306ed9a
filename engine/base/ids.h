// Identifiers as types of their own, so that a block is never taken for a sequence.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace troupe {

/// A number that is only good for naming a thing.
template <class Tag, class Number>
struct StrongId {
  Number value{};

  // The check takes the 0 that <=> is compared with for a pointer.
  friend auto operator<=>(const StrongId&,
                          const StrongId&) = default;  // NOLINT(modernize-use-nullptr)
};

/// Names a request within its gateway. Assigned once, never reused.
using RequestId = StrongId<struct RequestTag, std::uint64_t>;
/// Names a sequence within its engine's ring: one attempt of one request. Never reused.
using SequenceId = StrongId<struct SequenceTag, std::uint64_t>;
/// Names a KV block; an index into the KV cache.
using BlockId = StrongId<struct BlockTag, std::int32_t>;
/// Counts the steps of one ring from 1.
using StepNumber = StrongId<struct StepTag, std::uint64_t>;
/// Counts the rings of one engine: each restart of scheduler and memory manager begins the next.
using RingNumber = StrongId<struct RingTag, std::uint32_t>;
/// Counts how often a request was enqueued, from 1.
using AttemptNumber = StrongId<struct AttemptTag, std::uint32_t>;
/// Names an engine within its gateway.
using EngineId = StrongId<struct EngineTag, std::uint32_t>;

/// An entry of the model's vocabulary.
using TokenId = std::int32_t;

}  // namespace troupe

template <class Tag, class Number>
struct std::hash<troupe::StrongId<Tag, Number>> {
  std::size_t operator()(const troupe::StrongId<Tag, Number>& id) const noexcept {
    return std::hash<Number>{}(id.value);
  }
};
