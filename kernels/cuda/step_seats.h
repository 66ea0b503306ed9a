// Who sits where, for a device that runs ahead of the host: a step may be packed before the tokens
// of the one before it are known here. Such a token is named by its seat, and the device fills it
// in. Turns a plan into the flat arrays that are uploaded.
#pragma once

#include "engine/step/backend.h"
#include "engine/step/step.h"
#include "kernels/cuda/sample.h"
#include "kernels/decoder/packed_batch.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace troupe::cuda {

/// A seat's new tenant, as the device must know it.
struct SeatArrival {
  std::int32_t seat = 0;
  std::int32_t first_bias = 0;       // into PackedStep::biases
  std::int32_t first_end_token = 0;  // into PackedStep::end_tokens
  std::int32_t unused = 0;           // keeps `sampling` aligned as on the device
  SeatSampling sampling;
};

/// Blocks appended to the table of a seat.
struct SeatGrowth {
  std::int32_t seat = 0;
  std::int32_t first_index = 0;  // in the seat's table
  std::int32_t first_block = 0;  // into PackedStep::blocks
  std::int32_t num_blocks = 0;
};

/// A row that samples, as the host must remember it until the outcome arrives.
struct PendingSample {
  SequenceId sequence;
  std::int32_t position = 0;
  std::optional<std::int32_t> num_logprobs;
};

/// One step as flat arrays: T tokens, S sequences, R sampling rows. Of `batch`, the block tables
/// stay empty: the device keeps them.
struct PackedStep {
  PackedBatch batch;                           // a token may be token_of_seat(seat)
  std::vector<std::int32_t> seats;             // [S]
  std::vector<std::int32_t> sample_positions;  // [R]
  std::vector<std::int32_t> masks_ends;        // [R]
  std::vector<PendingSample> samples;          // [R]
  std::vector<SeatArrival> arrivals;
  std::vector<TokenBias> biases;
  std::vector<std::int32_t> end_tokens;
  std::vector<SeatGrowth> growth;
  std::vector<std::int32_t> blocks;

  void clear();
};

/// Whether the tokens so far change the logits, so that the device must keep them.
[[nodiscard]] bool has_penalty(const SamplingParams& sampling);

/// Owned by one backend; not thread-safe.
class StepSeats {
 public:
  StepSeats(const BackendDescription& limits, std::int32_t max_model_len);

  /// Seats who arrives, notes the growth of the tables, and packs the plan's rows. Valid until the
  /// next call. Checked: seats, blocks, tokens and positions in range; a table covers its row; a
  /// row that samples ends where the known or awaited tokens end; of the tokens sampled since the
  /// start a row reads only the last; the plan within the declared maxima.
  PackedStep& apply(const StepPlan& plan);

  /// Everybody leaves.
  void clear();

 private:
  struct Seat {
    std::shared_ptr<const SequenceStart> start;
    std::vector<std::int32_t> blocks;
    std::int32_t num_sampled = 0;  // since the start, those under way included

    [[nodiscard]] std::int32_t num_tokens() const { return start->num_tokens() + num_sampled; }
  };

  Seat& seat(std::int32_t index);
  void take(const SeatTaken& arrival);
  void grow(const TableGrowth& growth);
  void check_row(const PlanRow& row, const Seat& seat) const;
  /// What is uploaded for a position: its token, or the name of the one to come.
  [[nodiscard]] TokenId token_at(std::int32_t index, std::int32_t position) const;
  void pack(const PlanRow& row);
  void pack_sample(const PlanRow& row, Seat& seat);

  BackendDescription limits_;
  std::int32_t max_model_len_;
  std::vector<Seat> seats_;
  PackedStep step_;
};

}  // namespace troupe::cuda
