// A request as it enters an engine, and what depends on it, as bytes. Reading checks every value
// against the bounds that `validate` sets to clients.
#pragma once

#include "engine/api/attempt.h"
#include "engine/journal/bytes.h"
#include "engine/step/sequence_start.h"
#include "engine/step/step.h"

#include <cstdint>

namespace troupe::journal {

/// Times that an engine may meet: within some ninety years of the clock's zero, so that sums and
/// differences of a few stay numbers.
inline constexpr std::int64_t kMaxTimeNanoseconds = std::int64_t{1} << 61U;

void write(ByteWriter& out, const EnqueuedRequest& request);
[[nodiscard]] EnqueuedRequest read_request(ByteReader& in);

/// Without log-probabilities.
void write(ByteWriter& out, const StepResult& result);
[[nodiscard]] StepResult read_result(ByteReader& in);

void write_time(ByteWriter& out, TimePoint time);
[[nodiscard]] TimePoint read_time(ByteReader& in);

/// Tells starts apart that differ in anything: tokens, sampling parameters, salt.
[[nodiscard]] std::uint64_t digest_of(const SequenceStart& start);

template <class Id>
[[nodiscard]] Id read_id(ByteReader& in) {
  const auto value = in.number();
  const auto narrow = static_cast<decltype(Id::value)>(value);
  if (static_cast<std::uint64_t>(narrow) != value) {
    in.refuse();
  }
  return Id{in.ok() ? narrow : 0};
}

}  // namespace troupe::journal
