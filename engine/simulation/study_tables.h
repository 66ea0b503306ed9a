// What the study says: its runs held beside one another, as tables and as a page with pictures.
#pragma once

#include "engine/simulation/report.h"
#include "engine/simulation/study.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::simulation {

/// A run beside static batching on the same list, arrivals and batch. Borrows the runs.
struct StudyRow {
  const StudyRun* run = nullptr;
  StudyBound bound;
  /// Static batching's time over its own; none where requests come over time. Where every step
  /// costs the same, static's are the steps that its batches need at least.
  std::optional<double> gain;

  /// Only where every step costs the same: what of the bound was reached.
  [[nodiscard]] std::optional<double> share_of_bound() const;
};

/// Those of one part, by list, arrivals, batch and policy, in the order of the plan's lists.
[[nodiscard]] std::vector<StudyRow> rows_of(const std::vector<StudyRun>& runs, StudyPart part);

/// Whether the times of the runs came from a model of a device or from a device.
enum class StudyTimes : std::uint8_t { modelled, measured };

/// One section for each part that has runs.
[[nodiscard]] std::vector<Section> sections_of(const std::vector<StudyRun>& runs, StudyTimes times);

}  // namespace troupe::simulation
