// Composes a step's proposal: who runs on, who enters, who may be sacrificed. Lends seats and pins
// those it names, and changes nothing else.
#pragma once

#include "engine/api/engine_config.h"
#include "engine/base/ids.h"
#include "engine/scheduling/admission.h"
#include "engine/scheduling/flight.h"
#include "engine/scheduling/roster.h"
#include "engine/scheduling/suspect_groups.h"
#include "engine/step/step.h"

#include <cstdint>
#include <vector>

namespace troupe {

/// Owned by the scheduler, whose parts it refers to; keeps its scratch between steps.
class ProposalDraft {
 public:
  ProposalDraft(const EngineConfig& config, Roster& roster, const SuspectGroups& suspects)
      : config_(config), roster_(roster), suspects_(suspects) {}

  /// Fills the candidates, victims and budgets of `proposal`, and in `outstanding` who they are.
  /// `company`: the group of suspects that has the stage to itself, or `kEverybody`.
  /// Costs O(running + admissions).
  void compose(const MemoryEpochs& epochs,
               std::int32_t company,
               StepProposal& proposal,
               Outstanding& outstanding);

 private:
  [[nodiscard]] bool in_company(const Sequence& sequence) const {
    return company_ == kEverybody || sequence.group == company_;
  }

  [[nodiscard]] bool may_grow(const Sequence& sequence) const {
    return in_company(sequence) && !held_back(sequence, epochs_);
  }

  [[nodiscard]] std::int32_t assign_running();
  [[nodiscard]] AdmissionTerms terms_of(std::int32_t budget) const;
  void choose_entrants(const AdmissionTerms& terms);
  void choose_suspects(const AdmissionTerms& terms);
  void line_up(StepProposal& proposal, Outstanding& outstanding);
  [[nodiscard]] Candidate entrant(Sequence& sequence);
  [[nodiscard]] static Candidate runner(const Sequence& sequence);
  void add_victims(StepProposal& proposal) const;

  const EngineConfig& config_;
  Roster& roster_;
  const SuspectGroups& suspects_;
  MemoryEpochs epochs_;
  std::int32_t company_ = kEverybody;
  SequenceId last_sequence_;
  std::vector<Sequence*> entrants_;
};

}  // namespace troupe
