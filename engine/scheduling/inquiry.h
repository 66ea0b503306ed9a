// Looks for the whereabouts of a sequence among the parts of a scheduler.
#pragma once

#include "engine/scheduling/flight.h"
#include "engine/scheduling/proposal_draft.h"
#include "engine/scheduling/roster.h"
#include "engine/scheduling/sequence.h"
#include "engine/scheduling/whereabouts.h"

namespace troupe {

/// `outstanding`: null when the last proposal was answered, or there was none. Costs O(waiting +
/// proposed): for those who look on, not for those who serve.
[[nodiscard]] Whereabouts whereabouts_of(const Sequence& sequence,
                                         const Roster& roster,
                                         const ProposalDraft& draft,
                                         const Outstanding* outstanding);

}  // namespace troupe
