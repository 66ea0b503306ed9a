// A memory manager of few blocks on a stage: proposals in turn, and everything it answers held
// against the naive bookkeeping.
#pragma once

#include "engine/memory/memory_manager.h"

#include "tests/support/naive_tables.h"
#include "tests/support/ring_requests.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::test {

inline constexpr RingNumber kStageRing{1};
inline constexpr std::int32_t kStageBlockSize = 4;

using Ids = std::vector<SequenceId>;

enum class Caching : std::uint8_t { on, off };

inline MemoryConfig stage_config(std::int32_t num_blocks) {
  MemoryConfig config;
  config.num_blocks = num_blocks;
  config.block_size = kStageBlockSize;
  return config;
}

/// Everybody computes for himself.
inline MemoryConfig nobody_waits(std::int32_t num_blocks) {
  auto config = stage_config(num_blocks);
  config.await_shared_prefixes = false;
  return config;
}

/// What is preempted moves to the host when its blocks are needed.
inline MemoryConfig swapping(std::int32_t num_blocks, std::int32_t num_host_blocks) {
  auto config = stage_config(num_blocks);
  config.num_host_blocks = num_host_blocks;
  config.preemption = PreemptionMode::swap;
  return config;
}

struct MemoryStage {
  explicit MemoryStage(const MemoryConfig& config)
      : memory(config, kStageRing),
        tables(std::make_unique<NaiveTables>(config.num_blocks, config.block_size)) {}

  explicit MemoryStage(std::int32_t num_blocks, Caching caching = Caching::on)
      : MemoryStage([&] {
          auto config = stage_config(num_blocks);
          config.enable_prefix_caching = caching == Caching::on;
          return config;
        }()) {}

  MemoryManager memory;
  std::unique_ptr<NaiveTables> tables;
  std::uint64_t step = 0;

  StepProposal next() {
    StepProposal proposal;
    proposal.ring = kStageRing;
    proposal.step = StepNumber{++step};
    return proposal;
  }

  MemoryManager::Settled settle(const StepProposal& proposal) {
    auto settled = memory.settle(proposal);
    memory.audit();
    tables->follow(proposal, settled.granted, settled.plan.get());
    return settled;
  }
};

inline Candidate admission(std::uint64_t number,
                           std::int32_t seat,
                           std::vector<TokenId> tokens,
                           const std::string& salt = {}) {
  auto start = std::make_shared<SequenceStart>();
  start->sequence = SequenceId{number};
  start->request = RequestId{number};
  start->num_prompt_tokens = static_cast<std::int32_t>(tokens.size());
  start->tokens = std::move(tokens);
  start->cache_salt = salt;
  Candidate candidate;
  candidate.sequence = start->sequence;
  candidate.seat = seat;
  candidate.known = start->num_tokens();
  candidate.num_tokens = candidate.known;
  candidate.admission = std::move(start);
  return candidate;
}

inline Candidate running(std::uint64_t number,
                         std::int32_t seat,
                         std::int32_t begin,
                         std::int32_t end) {
  Candidate candidate;
  candidate.sequence = SequenceId{number};
  candidate.seat = seat;
  candidate.begin = begin;
  candidate.num_tokens = end - begin;
  candidate.known = end;
  return candidate;
}

/// Seats a sequence of `count` tokens that nobody else has.
inline void seat(MemoryStage& stage, std::uint64_t number, std::int32_t seat, std::int32_t count) {
  auto proposal = stage.next();
  const auto first = static_cast<TokenId>(number * 1000);
  proposal.candidates = {admission(number, seat, counting(count, first))};
  REQUIRE(stage.settle(proposal).granted.rows.size() == 1);
}

/// A sequence ends.
inline StepGranted release(MemoryStage& stage, std::uint64_t number) {
  auto proposal = stage.next();
  proposal.releases = {SequenceId{number}};
  return stage.settle(proposal).granted;
}

}  // namespace troupe::test
