// Composes a step's proposal: who runs on, who enters, who may be sacrificed. Lends seats and pins
// those it names, and changes nothing else.
#pragma once

#include "engine/api/engine_config.h"
#include "engine/base/ids.h"
#include "engine/scheduling/admission.h"
#include "engine/scheduling/flight.h"
#include "engine/scheduling/roster.h"
#include "engine/scheduling/suspect_groups.h"
#include "engine/scheduling/token_budget.h"
#include "engine/step/step.h"

#include <cstdint>
#include <span>
#include <vector>

namespace troupe {

/// What holds for one proposal.
struct DraftTerms {
  MemoryEpochs epochs;
  std::int32_t company = kEverybody;  // the group that has the stage to itself
  std::int32_t latency_tokens = 0;    // of prefill, within the latency target
};

/// Owned by the scheduler, whose parts it refers to; keeps its scratch between steps.
class ProposalDraft {
 public:
  ProposalDraft(const EngineConfig& config,
                const Policy& policy,
                Roster& roster,
                const SuspectGroups& suspects)
      : config_(config), policy_(policy), roster_(roster), suspects_(suspects) {}

  /// Fills the candidates, victims and budgets of `proposal`, and in `outstanding` who they are.
  /// Checked: the running ones are ranked. Costs O(running + admissions).
  void compose(const DraftTerms& terms, StepProposal& proposal, Outstanding& outstanding);

  /// Under a static policy: the batch has begun to decode, and nobody joins it any more.
  [[nodiscard]] bool batch_closed() const { return batch_closed_; }

  // What held for the last proposal, for those who ask why somebody is not in it.
  [[nodiscard]] const DraftTerms& terms() const { return terms_; }

  [[nodiscard]] const Halt& halt() const { return halt_; }

  [[nodiscard]] bool in_company(const Sequence& sequence) const {
    return terms_.company == kEverybody || sequence.group == terms_.company;
  }

  [[nodiscard]] bool only_suspects_enter() const { return suspects_.first() != kEverybody; }

 private:
  [[nodiscard]] bool may_grow(const Sequence& sequence) const {
    return in_company(sequence) && !held_back(sequence, terms_.epochs);
  }

  void look_round();
  [[nodiscard]] std::span<Sequence* const> displaceable() const;
  [[nodiscard]] bool batch_forms() const;
  [[nodiscard]] std::int32_t share_tokens();
  void assign_decodes(std::int32_t num_tokens);
  [[nodiscard]] std::int32_t assign_prefills(std::int32_t num_tokens);
  [[nodiscard]] AdmissionTerms admission_terms(std::int32_t budget) const;
  void choose_entrants(const AdmissionTerms& terms, Admissions& admissions);
  void choose_suspects(const AdmissionTerms& terms, Admissions& admissions);
  void close_batch_when_formed(StepProposal& proposal, const Admissions& admissions);
  void line_up(StepProposal& proposal, Outstanding& outstanding);
  [[nodiscard]] bool outranks(const Sequence& entrant, const Sequence& runner) const;
  void propose_entrant(const Entrant& entrant, StepProposal& proposal, Outstanding& outstanding);
  static void propose_runner(Sequence& sequence, StepProposal& proposal, Outstanding& outstanding);
  [[nodiscard]] Candidate entrant_candidate(Sequence& sequence);
  [[nodiscard]] bool reserves_all(const Sequence& sequence) const;
  [[nodiscard]] std::int32_t headroom(std::int32_t num_runners) const;
  void add_victims(StepProposal& proposal) const;

  const EngineConfig& config_;
  const Policy& policy_;
  Roster& roster_;
  const SuspectGroups& suspects_;
  DraftTerms terms_;
  Halt halt_;
  SequenceId last_sequence_;
  bool batch_closed_ = false;
  std::size_t decode_turn_ = 0;  // who of those that decode goes first, where not all can

  // What `look_round` saw.
  std::vector<Sequence*> decodes_;
  std::vector<Sequence*> prefills_;
  std::vector<Sequence*> yielding_;  // of the company, who may have to: the least deserving first
  Sequence* oldest_ = nullptr;       // of the company
  Sequence* held_back_runner_ = nullptr;
  std::int32_t num_companions_ = 0;
};

}  // namespace troupe
