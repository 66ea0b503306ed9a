// What the scheduler remembers of a step between its proposal, its grant and its result.
#pragma once

#include "engine/base/ids.h"
#include "engine/scheduling/admission.h"
#include "engine/scheduling/sequence.h"
#include "engine/step/step.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace troupe {

enum class Entrance : std::uint8_t { running, admission };

enum class SeatOrigin : std::uint8_t {
  lent,      // a free one
  promised,  // that of a running sequence which it displaces
};

struct Proposed {
  Sequence* sequence = nullptr;
  Entrance entrance = Entrance::running;
  SeatOrigin seat = SeatOrigin::lent;  // of an admission
};

/// A proposal whose grant has not arrived. Each sequence is pinned.
struct Outstanding {
  StepNumber step;
  std::vector<Proposed> candidates;
  Admissions admissions;             // the entrants among them, and whom they pass
  std::optional<StepResult> result;  // came before the grant
};

/// Names the admission too: the sequence may have lost its seat since.
struct FlightRow {
  Sequence* sequence = nullptr;
  SequenceId id;
  bool samples = false;
};

/// A granted step whose result has not been applied. Each sequence is pinned.
struct Flight {
  StepNumber step;
  std::vector<FlightRow> rows;
  std::int64_t num_prefill_tokens = 0;
  std::int64_t num_decode_tokens = 0;
  std::optional<StepResult> result;  // came before that of the step ahead
};

}  // namespace troupe
