// The outputs of a step as bytes, so that two of them can be compared to the last bit, and the
// place at which they part. An image is never turned back into what it shows: tokens, for one, are
// in it as a digest only, since they are recorded where they come in.
#pragma once

#include "engine/step/step.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::journal {

void append_image(std::string& out, const StepProposal& proposal);
void append_image(std::string& out, const StepGranted& granted);
void append_image(std::string& out, const StepPlan& plan);

/// Where two images part, in words: `rows[3].end`.
struct Parting {
  std::string field;
  std::optional<std::int64_t> recorded;  // none: the recorded image ends before
  std::optional<std::int64_t> replayed;  // none: the replayed image ends before
};

/// The first field of `replayed` that the image `recorded` shows otherwise; none when they agree.
[[nodiscard]] std::optional<Parting> parting(std::string_view recorded,
                                             const StepProposal& replayed);
[[nodiscard]] std::optional<Parting> parting(std::string_view recorded,
                                             const StepGranted& replayed);
[[nodiscard]] std::optional<Parting> parting(std::string_view recorded, const StepPlan& replayed);

}  // namespace troupe::journal
