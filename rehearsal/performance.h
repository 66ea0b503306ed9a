// One seed, played: the real actors of a company on a stage, clients that come and go, things that
// break, and somebody who watches whether all promises are kept.
#pragma once

#include "rehearsal/sightings.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace troupe {
class Tokenizer;
}  // namespace troupe

namespace troupe::rehearsal {

struct BrokenPromise {
  std::string promise;  // its name
  std::string what;
};

struct Outcome {
  std::optional<BrokenPromise> broken;
  Sightings sightings;
  std::uint64_t digest = 0;  // the same for the same seed, always
};

/// Receives the lines of a trace; empty: none is made.
using Trace = std::function<void(const std::string&)>;

/// Plays `seed` to its end, or to the first promise that is broken. Any number of threads.
[[nodiscard]] Outcome perform(std::uint64_t seed,
                              const std::shared_ptr<const Tokenizer>& tokenizer,
                              const Trace& trace = {});

}  // namespace troupe::rehearsal
