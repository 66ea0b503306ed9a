// One request inside the scheduler: what is known of its tokens, how far its computation has been
// planned, and when it ends. Knows neither blocks nor other sequences.
//
//   0 … computed … num_assumed … limit      positions
//       granted     known, or being sampled by a step in flight
#pragma once

#include "engine/api/attempt.h"
#include "engine/base/ids.h"
#include "engine/scheduling/policies/standing.h"
#include "engine/scheduling/tenant_ledger.h"
#include "engine/step/step.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

enum class SequenceState : std::uint8_t {
  waiting,
  running,
  departed,  // all its steps are planned: it has left its seat, and its last token is on its way
  ended,
};

/// Owned by the scheduler; not thread-safe. Lives on after its end while a step in flight or an
/// outstanding proposal names it (`num_pins`).
class Sequence {
 public:
  /// `limit`: tokens in all, prompt included. Checked: more than are known.
  Sequence(EnqueuedRequest request, std::int32_t limit);

  [[nodiscard]] RequestId request() const { return request_.request; }

  [[nodiscard]] AttemptNumber attempt() const { return request_.attempt; }

  [[nodiscard]] TimePoint arrival() const { return request_.arrival; }

  [[nodiscard]] const std::string& tenant_name() const { return request_.tenant; }

  [[nodiscard]] SequenceState state() const { return state_; }

  /// The name of the current or coming admission.
  [[nodiscard]] SequenceId id() const { return id_; }

  [[nodiscard]] std::int32_t computed() const { return computed_; }

  /// Positions known, or assumed because a step in flight samples them.
  [[nodiscard]] std::int32_t num_assumed() const { return num_known() + num_sampling_; }

  /// Positions that can be computed now; none when the last token is being sampled.
  [[nodiscard]] std::int32_t num_computable() const {
    return num_assumed() < limit_ ? num_assumed() - computed_ : 0;
  }

  /// Its last token is being sampled: no step is left to plan.
  [[nodiscard]] bool fully_planned() const { return num_assumed() == limit_; }

  /// The most positions it can ever have computed: the last token's own is not needed.
  [[nodiscard]] std::int32_t max_computed() const { return limit_ - 1; }

  /// Past the tokens it was admitted with: every row computes the token sampled before.
  [[nodiscard]] bool decoding() const { return computed_ >= num_start_tokens_; }

  [[nodiscard]] std::int32_t num_known() const {
    return static_cast<std::int32_t>(request_.tokens.size());
  }

  [[nodiscard]] std::int32_t num_preemptions() const { return num_preemptions_; }

  /// No result of it is on its way: what it will be admitted with is final.
  [[nodiscard]] bool settled() const { return num_sampling_ == 0; }

  /// What it enters with, made once under `id` and kept until the admission is granted.
  /// Checked: it waits and is settled.
  [[nodiscard]] std::shared_ptr<const SequenceStart> start(SequenceId id,
                                                           const std::vector<TokenId>& eos_tokens);

  [[nodiscard]] bool has_start() const { return start_ != nullptr; }

  [[nodiscard]] bool admitted_before() const { return admitted_before_; }

  /// Takes its seat: it runs from now on.
  void admit(std::int32_t num_cached_tokens);
  void advance(const GrantedRow& row);
  void preempt();

  void depart() { state_ = SequenceState::departed; }

  void end() { state_ = SequenceState::ended; }

  /// Takes the token of a row that sampled, and says what its listeners are to hear. Ends by
  /// itself when the token is the last. Checked: it has not ended, and the position is its next.
  [[nodiscard]] RequestTokens take(const SampledToken& sampled,
                                   const std::vector<TokenId>& eos_tokens);

  Standing standing;               // what the policy is told
  Rank rank;                       // what it said last
  TenantIndex tenant = 0;          // all are of one where the policy does not tell them apart
  std::int32_t num_pins = 0;       // by the outstanding proposal and by rows in flight
  std::int32_t seat = -1;          // while it runs or is proposed for admission
  std::int32_t group = -1;         // of suspects; negative: none
  std::int32_t quota = 0;          // tokens in the proposal under construction
  std::int32_t num_passes = 0;     // later ones admitted while it was held back for want of memory
  std::uint64_t deferred_at = 0;   // the memory epoch in which there was no room for it
  std::uint64_t preempted_at = 0;  // the release epoch in which it had to leave; 0: never

 private:
  [[nodiscard]] bool stops(TokenId token, const std::vector<TokenId>& eos_tokens) const;

  EnqueuedRequest request_;  // `tokens` grows with what is generated
  std::int32_t limit_;
  SequenceState state_ = SequenceState::waiting;
  SequenceId id_;
  std::shared_ptr<const SequenceStart> start_;
  std::int32_t num_start_tokens_ = 0;
  std::int32_t computed_ = 0;
  std::int32_t num_sampling_ = 0;
  std::int32_t num_preemptions_ = 0;
  std::int32_t num_cached_tokens_ = 0;
  bool admitted_before_ = false;
};

/// By arrival, then by request.
struct ByArrival {
  [[nodiscard]] bool operator()(const Sequence* left, const Sequence* right) const {
    return left->arrival() != right->arrival() ? left->arrival() < right->arrival()
                                               : left->request() < right->request();
  }
};

/// In the order in which they deserve to run. Compares with a rank alone, too.
struct ByRank {
  using is_transparent = void;

  [[nodiscard]] bool operator()(const Sequence* left, const Sequence* right) const {
    return left->rank < right->rank;
  }

  [[nodiscard]] bool operator()(const Sequence* left, const Rank& right) const {
    return left->rank < right;
  }

  [[nodiscard]] bool operator()(const Rank& left, const Sequence* right) const {
    return left < right->rank;
  }
};

}  // namespace troupe
