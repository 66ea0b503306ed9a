// One iteration as values: what each station of the ring hands to the next.
//
//   scheduler ── StepProposal ──▶ memory manager ── StepPlan ──▶ worker ── StepResult ──▶ scheduler
//                                        └── StepGranted ──▶ scheduler
//
// Positions count the tokens of a sequence from 0. A row covers the positions [begin, end): their
// keys and values are computed and stored. A position below `start->tokens.size()` holds that
// token; a later one holds the token that the sequence's previous row sampled. A row samples when
// its end is the end of what is known or assumed: the token sampled belongs to position `end`.
//
// A seat is an index in [0, max_num_seqs): where the worker keeps a running sequence's state (block
// table, history). The scheduler gives it at admission and takes it back at the end.
#pragma once

#include "engine/api/attempt.h"
#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/step/sequence_start.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace troupe {

// A host slot is an index in [0, num_host_blocks) of the device's part of the host's memory, as
// large as one block. What a plan moves, it moves before its rows compute, in this order: blocks
// out to host slots, blocks in from host slots, copies between blocks. So a block that went out may
// be written by anything behind it in the same plan; a slot that was read is not written in that
// plan.

/// A wish: let this sequence compute its next tokens.
struct Candidate {
  SequenceId sequence;
  std::int32_t seat = 0;
  std::int32_t begin = 0;       // first position to compute; for an admission 0
  std::int32_t num_tokens = 0;  // at most so many, under the step's budget
  std::int32_t known = 0;       // positions known or assumed: a row that ends here samples
  std::int32_t reserve = 0;     // positions that get their blocks with this row, its own at least
  std::shared_ptr<const SequenceStart> admission;  // set when the sequence enters with this row
  /// Only of an admission: the running sequence whose seat it takes. That one is preempted when,
  /// and only when, this candidate is granted (or when it is sacrificed like any other victim).
  std::optional<SequenceId> displaces;
};

/// A token that became known since the last proposal, for the prefix cache.
struct KnownToken {
  SequenceId sequence;
  TokenId token = 0;
};

/// scheduler → memory manager. One is outstanding at a time.
struct StepProposal {
  RingNumber ring;
  StepNumber step;
  std::vector<SequenceId> releases;   // ended sequences: their blocks go first
  std::vector<KnownToken> known;      // in order, each sequence's tokens by position
  std::vector<Candidate> candidates;  // in the order in which they deserve to run
  /// Running sequences in the order in which they may be sacrificed. A candidate may sacrifice one
  /// only if it stands behind itself in `candidates`, or not there at all.
  std::vector<SequenceId> victims;
  /// The tokens that all admissions may compute together: what a cached prefix saves one of them
  /// goes to the next. One that finds nothing left is neither granted nor deferred.
  std::int32_t max_admission_tokens = std::numeric_limits<std::int32_t>::max();
  /// Blocks that an admission must leave free, so that the running ones can grow.
  std::int32_t num_headroom_blocks = 0;
};

/// What became of one candidate.
struct GrantedRow {
  SequenceId sequence;
  std::int32_t begin = 0;  // for an admission: the number of tokens found in the prefix cache
  std::int32_t end = 0;
  bool samples = false;
};

/// memory manager → scheduler, at the same moment as the plan.
struct StepGranted {
  RingNumber ring;
  StepNumber step;
  std::vector<GrantedRow> rows;
  std::vector<SequenceId> deferred;  // candidates for whom there was no room, in order
  /// Admissions that would compute a prefix which another sequence is computing: they do better to
  /// ask again at the next step. In order.
  std::vector<SequenceId> awaiting;
  std::vector<SequenceId> preempted;  // lost all their blocks, and their rows of this step
  std::int32_t num_free_blocks = 0;   // held by nobody, cached ones included
  std::int32_t num_cached_blocks = 0;
  bool plan_sent = false;  // false: no rows, so no plan and no result will follow
};

/// A sequence takes a seat: whatever the seat held before is gone.
struct SeatTaken {
  std::int32_t seat = 0;
  std::shared_ptr<const SequenceStart> start;
};

/// Blocks to append to the table of a seat, in the order of positions.
struct TableGrowth {
  std::int32_t seat = 0;
  std::vector<BlockId> blocks;
};

/// A block moves between the device and a host slot.
struct BlockSwap {
  BlockId block;
  std::int32_t host_slot = 0;
};

/// The content of one block is written into another, whole.
struct BlockCopy {
  BlockId from;
  BlockId to;
};

struct PlanRow {
  std::int32_t seat = 0;
  std::int32_t begin = 0;
  std::int32_t end = 0;
  bool samples = false;
};

/// memory manager → worker. Executed in the order in which they were issued.
struct StepPlan {
  RingNumber ring;
  StepNumber step;
  std::vector<SeatTaken> seats_taken;
  std::vector<TableGrowth> table_growth;
  std::vector<BlockSwap> swaps_out;  // device to host, first of all
  std::vector<BlockSwap> swaps_in;   // host to device, then
  std::vector<BlockCopy> copies;     // on the device, last before the rows
  std::vector<PlanRow> rows;

  [[nodiscard]] std::int32_t num_tokens() const {
    std::int32_t sum = 0;
    for (const auto& row : rows) {
      sum += row.end - row.begin;
    }
    return sum;
  }
};

/// The outcome of one row that samples.
struct SampledToken {
  SequenceId sequence;
  std::int32_t position = 0;  // the position that `token` takes
  TokenId token = 0;
  std::optional<LogprobBits> logprob;     // of `token`, when asked for
  std::vector<LogprobBits> top_logprobs;  // descending
};

/// worker → scheduler.
struct StepResult {
  RingNumber ring;
  StepNumber step;
  std::vector<SampledToken> tokens;  // in the order of the plan's sampling rows
  Duration device_time{};
};

}  // namespace troupe
