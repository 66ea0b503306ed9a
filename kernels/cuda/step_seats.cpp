#include "kernels/cuda/step_seats.h"

#include "engine/base/check.h"
#include "kernels/cuda/embed.h"

#include <algorithm>
#include <string>

namespace troupe::cuda {
namespace {

SeatSampling describe(const SequenceStart& start) {
  const auto& sampling = start.sampling;
  SeatSampling seat;
  seat.seed = sampling.seed.value_or(0);
  seat.temperature = sampling.temperature;
  seat.top_p = sampling.top_p;
  seat.min_p = sampling.min_p;
  seat.repetition_penalty = sampling.repetition_penalty;
  seat.presence_penalty = sampling.presence_penalty;
  seat.frequency_penalty = sampling.frequency_penalty;
  seat.top_k = sampling.top_k;
  seat.num_top_logprobs = sampling.logprobs.value_or(-1);
  seat.num_prompt_tokens = start.num_prompt_tokens;
  seat.has_penalty = has_penalty(sampling) ? 1 : 0;
  return seat;
}

}  // namespace

bool has_penalty(const SamplingParams& sampling) {
  return sampling.repetition_penalty != 1.0F || sampling.presence_penalty != 0.0F ||
         sampling.frequency_penalty != 0.0F;
}

void PackedStep::clear() {
  batch.clear();
  seats.clear();
  sample_positions.clear();
  masks_ends.clear();
  samples.clear();
  arrivals.clear();
  biases.clear();
  end_tokens.clear();
  growth.clear();
  blocks.clear();
}

StepSeats::StepSeats(const BackendDescription& limits, std::int32_t max_model_len)
    : limits_(limits),
      max_model_len_(max_model_len),
      seats_(static_cast<std::size_t>(limits.max_num_seqs)) {}

PackedStep& StepSeats::apply(const StepPlan& plan) {
  step_.clear();
  for (const auto& arrival : plan.seats_taken) {
    take(arrival);
  }
  for (const auto& growth : plan.table_growth) {
    grow(growth);
  }
  TROUPE_CHECK(plan.rows.size() <= seats_.size(), "a plan has at most a row for each seat");
  step_.batch.query_starts.push_back(0);
  for (const auto& row : plan.rows) {
    pack(row);
  }
  return step_;
}

void StepSeats::clear() {
  for (auto& seat : seats_) {
    seat = Seat{};
  }
}

StepSeats::Seat& StepSeats::seat(std::int32_t index) {
  TROUPE_CHECK(index >= 0 && static_cast<std::size_t>(index) < seats_.size(),
               "seat " + std::to_string(index) + " of " + std::to_string(seats_.size()));
  auto& seat = seats_[static_cast<std::size_t>(index)];
  TROUPE_CHECK(seat.start != nullptr, "nobody sits in seat " + std::to_string(index));
  return seat;
}

void StepSeats::take(const SeatTaken& arrival) {
  TROUPE_CHECK(arrival.seat >= 0 && static_cast<std::size_t>(arrival.seat) < seats_.size(),
               "seat " + std::to_string(arrival.seat) + " of " + std::to_string(seats_.size()));
  TROUPE_CHECK(arrival.start != nullptr, "a seat is taken by a sequence");
  const auto& start = *arrival.start;
  const auto& sampling = start.sampling;
  TROUPE_CHECK(start.num_tokens() <= max_model_len_, "a sequence within the model's length");
  TROUPE_CHECK(sampling.logit_bias.size() <= kMaxBiases, "more logit biases than a seat holds");
  auto& seat = seats_[static_cast<std::size_t>(arrival.seat)];
  seat.start = arrival.start;
  seat.blocks.clear();
  seat.num_sampled = 0;
  SeatArrival packed{.seat = arrival.seat,
                     .first_bias = static_cast<std::int32_t>(step_.biases.size()),
                     .first_end_token = static_cast<std::int32_t>(step_.end_tokens.size()),
                     .unused = 0,
                     .sampling = describe(start)};
  for (const auto& [token, bias] : sampling.logit_bias) {
    step_.biases.push_back({token, bias});
  }
  if (sampling.min_tokens > 0) {
    const auto num_ends = start.eos_tokens.size() + sampling.stop_token_ids.size();
    TROUPE_CHECK(num_ends <= kMaxEndTokens, "more end tokens than a seat holds");
    step_.end_tokens.insert(step_.end_tokens.end(), start.eos_tokens.begin(),
                            start.eos_tokens.end());
    step_.end_tokens.insert(step_.end_tokens.end(), sampling.stop_token_ids.begin(),
                            sampling.stop_token_ids.end());
    packed.sampling.num_end_tokens = static_cast<std::int32_t>(num_ends);
  }
  packed.sampling.num_biases = static_cast<std::int32_t>(sampling.logit_bias.size());
  step_.arrivals.push_back(packed);
}

void StepSeats::grow(const TableGrowth& growth) {
  auto& grown = seat(growth.seat);
  const auto before = grown.blocks.size();
  const auto most = (max_model_len_ + limits_.block_size - 1) / limits_.block_size;
  TROUPE_CHECK(before + growth.blocks.size() <= static_cast<std::size_t>(most),
               "a table has at most " + std::to_string(most) + " blocks");
  step_.growth.push_back({.seat = growth.seat,
                          .first_index = static_cast<std::int32_t>(before),
                          .first_block = static_cast<std::int32_t>(step_.blocks.size()),
                          .num_blocks = static_cast<std::int32_t>(growth.blocks.size())});
  for (const auto block : growth.blocks) {
    TROUPE_CHECK(
        block.value >= 0 && block.value < limits_.num_blocks,
        "block " + std::to_string(block.value) + " of " + std::to_string(limits_.num_blocks));
    grown.blocks.push_back(block.value);
    step_.blocks.push_back(block.value);
  }
}

void StepSeats::check_row(const PlanRow& row, const Seat& seat) const {
  TROUPE_CHECK(row.begin >= 0 && row.begin < row.end && row.end <= seat.num_tokens() &&
                   row.end <= max_model_len_,
               "row [" + std::to_string(row.begin) + ", " + std::to_string(row.end) +
                   ") of a sequence of " + std::to_string(seat.num_tokens()) + " tokens");
  TROUPE_CHECK(!row.samples || row.end == seat.num_tokens(),
               "a row that ends at " + std::to_string(row.end) + " of " +
                   std::to_string(seat.num_tokens()) + " tokens cannot sample");
  const auto num_given = seat.start->num_tokens();
  TROUPE_CHECK(row.end <= num_given ||
                   (row.end == seat.num_tokens() && std::max(row.begin, num_given) == row.end - 1),
               "of the tokens sampled since the start only the last is at hand");
  TROUPE_CHECK(row.end - row.begin <= limits_.max_num_batched_tokens - step_.batch.num_tokens(),
               "a plan has at most " + std::to_string(limits_.max_num_batched_tokens) + " tokens");
  const auto num_blocks = (row.end + limits_.block_size - 1) / limits_.block_size;
  TROUPE_CHECK(
      static_cast<std::size_t>(num_blocks) <= seat.blocks.size(),
      std::to_string(seat.blocks.size()) + " blocks for " + std::to_string(row.end) + " tokens");
}

TokenId StepSeats::token_at(std::int32_t index, std::int32_t position) const {
  const auto& start = *seats_[static_cast<std::size_t>(index)].start;
  if (position >= start.num_tokens()) {
    return token_of_seat(index);
  }
  const auto token = start.tokens[static_cast<std::size_t>(position)];
  TROUPE_CHECK(token >= 0 && token < limits_.vocab_size,
               "token " + std::to_string(token) + " of " + std::to_string(limits_.vocab_size));
  return token;
}

void StepSeats::pack(const PlanRow& row) {
  auto& packed = seat(row.seat);
  check_row(row, packed);
  auto& batch = step_.batch;
  for (auto position = row.begin; position < row.end; ++position) {
    const std::int64_t block =
        packed.blocks[static_cast<std::size_t>(position / limits_.block_size)];
    batch.tokens.push_back(token_at(row.seat, position));
    batch.positions.push_back(position);
    batch.slot_mapping.push_back(block * limits_.block_size + position % limits_.block_size);
  }
  batch.query_starts.push_back(batch.num_tokens());
  batch.context_lengths.push_back(row.end);
  step_.seats.push_back(row.seat);
  if (row.samples) {
    pack_sample(row, packed);
  }
}

void StepSeats::pack_sample(const PlanRow& row, Seat& seat) {
  const auto& start = *seat.start;
  TROUPE_CHECK(start.sampling.temperature <= 0.0F || start.sampling.seed.has_value(),
               "the gateway draws a seed for a request without one");
  step_.batch.sampling_rows.push_back(step_.batch.num_tokens() - 1);
  step_.batch.sampling_seats.push_back(row.seat);
  step_.sample_positions.push_back(row.end);
  const auto num_generated = row.end - start.num_prompt_tokens;
  step_.masks_ends.push_back(num_generated < start.sampling.min_tokens ? 1 : 0);
  step_.samples.push_back({start.sequence, row.end, start.sampling.logprobs});
  ++seat.num_sampled;
}

}  // namespace troupe::cuda
