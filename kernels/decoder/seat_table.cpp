#include "kernels/decoder/seat_table.h"

#include "engine/base/check.h"

#include <string>

namespace troupe {
namespace {

bool has_penalty(const SamplingParams& sampling) {
  return sampling.repetition_penalty != 1.0F || sampling.presence_penalty != 0.0F ||
         sampling.frequency_penalty != 0.0F;
}

TokenCounts count_tokens(const SequenceStart& start) {
  TokenCounts counts;
  for (std::int32_t position = 0; position < start.num_tokens(); ++position) {
    counts[start.tokens[static_cast<std::size_t>(position)]] +=
        position < start.num_prompt_tokens ? 0 : 1;
  }
  return counts;
}

}  // namespace

TokenId Seat::token_at(std::int32_t position) const {
  TROUPE_CHECK(position >= 0 && position < num_tokens(),
               "position " + std::to_string(position) + " of a sequence of " +
                   std::to_string(num_tokens()) + " tokens");
  const auto given = start->num_tokens();
  return position < given ? start->tokens[static_cast<std::size_t>(position)]
                          : sampled[static_cast<std::size_t>(position - given)];
}

SeatTable::SeatTable(const BackendDescription& limits)
    : num_blocks_(limits.num_blocks),
      block_size_(limits.block_size),
      max_tokens_(limits.max_num_batched_tokens),
      vocab_size_(limits.vocab_size),
      seats_(static_cast<std::size_t>(limits.max_num_seqs)) {
  TROUPE_CHECK(block_size_ > 0, "a block must hold a token");
}

const PackedBatch& SeatTable::apply(const StepPlan& plan) {
  for (const auto& arrival : plan.seats_taken) {
    take(arrival);
  }
  for (const auto& growth : plan.table_growth) {
    grow(growth);
  }
  batch_.clear();
  batch_.query_starts.push_back(0);
  batch_.table_starts.push_back(0);
  for (const auto& row : plan.rows) {
    pack(row);
  }
  return batch_;
}

const Seat& SeatTable::seat(std::int32_t index) const {
  TROUPE_CHECK(index >= 0 && static_cast<std::size_t>(index) < seats_.size(),
               "seat " + std::to_string(index) + " of " + std::to_string(seats_.size()));
  const auto& seat = seats_[static_cast<std::size_t>(index)];
  TROUPE_CHECK(seat.start != nullptr, "nobody sits in seat " + std::to_string(index));
  return seat;
}

void SeatTable::append(std::int32_t seat, TokenId token) {
  auto& sequence = taken(seat);
  sequence.sampled.push_back(token);
  if (has_penalty(sequence.start->sampling)) {
    ++sequence.counts[token];
  }
}

void SeatTable::clear() {
  for (auto& seat : seats_) {
    seat = Seat{};
  }
}

Seat& SeatTable::taken(std::int32_t index) {
  static_cast<void>(seat(index));  // for its checks
  return seats_[static_cast<std::size_t>(index)];
}

void SeatTable::take(const SeatTaken& arrival) {
  TROUPE_CHECK(arrival.seat >= 0 && static_cast<std::size_t>(arrival.seat) < seats_.size(),
               "seat " + std::to_string(arrival.seat) + " of " + std::to_string(seats_.size()));
  TROUPE_CHECK(arrival.start != nullptr, "a seat is taken by a sequence");
  auto& seat = seats_[static_cast<std::size_t>(arrival.seat)];
  seat.start = arrival.start;
  seat.blocks.clear();
  seat.sampled.clear();
  seat.counts.clear();
  if (has_penalty(arrival.start->sampling)) {
    seat.counts = count_tokens(*arrival.start);
  }
}

void SeatTable::grow(const TableGrowth& growth) {
  auto& seat = taken(growth.seat);
  for (const auto block : growth.blocks) {
    TROUPE_CHECK(block.value >= 0 && block.value < num_blocks_,
                 "block " + std::to_string(block.value) + " of " + std::to_string(num_blocks_));
    seat.blocks.push_back(block.value);
  }
}

std::int32_t SeatTable::checked_num_blocks(const PlanRow& row, const Seat& sequence) const {
  TROUPE_CHECK(row.begin >= 0 && row.begin < row.end && row.end <= sequence.num_tokens(),
               "row [" + std::to_string(row.begin) + ", " + std::to_string(row.end) +
                   ") of a sequence of " + std::to_string(sequence.num_tokens()) + " tokens");
  TROUPE_CHECK(!row.samples || row.end == sequence.num_tokens(),
               "a row that ends at " + std::to_string(row.end) + " of " +
                   std::to_string(sequence.num_tokens()) + " tokens cannot sample");
  TROUPE_CHECK(row.end - row.begin <= max_tokens_ - batch_.num_tokens(),
               "a plan has at most " + std::to_string(max_tokens_) + " tokens");
  const auto num_blocks = (row.end + block_size_ - 1) / block_size_;
  TROUPE_CHECK(static_cast<std::size_t>(num_blocks) <= sequence.blocks.size(),
               std::to_string(sequence.blocks.size()) + " blocks for " + std::to_string(row.end) +
                   " tokens");
  return num_blocks;
}

void SeatTable::pack(const PlanRow& row) {
  const auto& sequence = seat(row.seat);
  const auto num_blocks = checked_num_blocks(row, sequence);
  for (auto position = row.begin; position < row.end; ++position) {
    const auto token = sequence.token_at(position);
    TROUPE_CHECK(token >= 0 && token < vocab_size_,
                 "token " + std::to_string(token) + " of " + std::to_string(vocab_size_));
    const std::int64_t block = sequence.blocks[static_cast<std::size_t>(position / block_size_)];
    batch_.tokens.push_back(token);
    batch_.positions.push_back(position);
    batch_.slot_mapping.push_back(block * block_size_ + position % block_size_);
  }
  batch_.query_starts.push_back(batch_.num_tokens());
  batch_.context_lengths.push_back(row.end);
  batch_.blocks.insert(batch_.blocks.end(), sequence.blocks.begin(),
                       sequence.blocks.begin() + num_blocks);
  batch_.table_starts.push_back(static_cast<std::int32_t>(batch_.blocks.size()));
  if (row.samples) {
    batch_.sampling_rows.push_back(batch_.num_tokens() - 1);
    batch_.sampling_seats.push_back(row.seat);
  }
}

}  // namespace troupe
