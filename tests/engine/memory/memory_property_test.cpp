// The memory manager under proposals that no scheduler would make: anybody displaces or sacrifices
// anybody, ends, pauses, comes back. After every step the naive bookkeeping of holders and contents
// agrees, and the manager's own audit finds nothing.
#include "engine/memory/memory_manager.h"

#include "tests/support/naive_tables.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace troupe::test {
namespace {

/// A sequence, seated or waiting to come back.
struct Player {
  std::shared_ptr<const SequenceStart> start;
  std::int32_t seat = 0;
  std::int32_t computed = 0;
  std::int32_t num_told = 0;  // tokens that the manager has heard of, those of the start included
  std::deque<TokenId> untold{};  // sampled behind them

  [[nodiscard]] std::int32_t num_assumed() const {
    return num_told + static_cast<std::int32_t>(untold.size());
  }
};

class MemoryPlay {
 public:
  explicit MemoryPlay(std::uint32_t seed) : random_(seed) {
    config_.num_blocks = between(2, 24);
    config_.block_size = between(1, 6);
    config_.enable_prefix_caching = !one_in(10);
    config_.num_host_blocks = one_in(3) ? 0 : between(1, 16);
    config_.preemption = one_in(5) ? PreemptionMode::recompute : PreemptionMode::swap;
    config_.await_shared_prefixes = !one_in(3);
    num_seats_ = between(1, 6);
    vocab_size_ = between(1, 3);
    memory_.emplace(config_, RingNumber{1});
    tables_.emplace(config_.num_blocks, config_.block_size);
  }

  void step() {
    StepProposal proposal;
    proposal.ring = RingNumber{1};
    proposal.step = StepNumber{++step_};
    tell(proposal);
    leave(proposal);
    propose_runners(proposal);
    propose_entrants(proposal);
    choose_victims(proposal);
    proposal.max_admission_tokens = one_in(3) ? between(0, 12) : 1000;
    proposal.num_headroom_blocks = one_in(3) ? between(0, 3) : 0;
    const auto settled = memory_->settle(proposal);
    memory_->audit();
    tables_->follow(proposal, settled.granted, settled.plan.get());
    apply(proposal, settled.granted);
  }

  /// Everybody ends: all blocks must come home.
  void end() {
    StepProposal proposal;
    proposal.ring = RingNumber{1};
    proposal.step = StepNumber{++step_};
    for (const auto& player : seated_) {
      proposal.releases.push_back(player.start->sequence);
    }
    const auto settled = memory_->settle(proposal);
    memory_->audit();
    tables_->follow(proposal, settled.granted, nullptr);
    REQUIRE(memory_->num_free_blocks() == memory_->num_total_blocks());
  }

  [[nodiscard]] const MemoryStatistics& statistics() const { return memory_->statistics(); }

 private:
  std::int32_t between(std::int32_t low, std::int32_t high) {
    return low + static_cast<std::int32_t>(random_() % static_cast<std::uint32_t>(high - low + 1));
  }

  bool one_in(std::int32_t count) { return between(1, count) == 1; }

  template <class Range>
  void shuffle(Range& range) {
    for (auto left = static_cast<std::int32_t>(range.size()); left > 1; --left) {
      std::swap(range[static_cast<std::size_t>(left - 1)],
                range[static_cast<std::size_t>(between(0, left - 1))]);
    }
  }

  void tell(StepProposal& proposal) {
    for (auto& player : seated_) {
      while (!player.untold.empty() && !one_in(3)) {
        proposal.known.push_back({player.start->sequence, player.untold.front()});
        told_[player.start->sequence].push_back(player.untold.front());
        player.untold.pop_front();
        ++player.num_told;
      }
    }
  }

  void leave(StepProposal& proposal) {
    std::erase_if(seated_, [&](const Player& player) {
      const auto leaves = one_in(12);
      if (leaves) {
        proposal.releases.push_back(player.start->sequence);
      }
      return leaves;
    });
  }

  void propose_runners(StepProposal& proposal) {
    for (const auto& player : seated_) {
      const auto num_left = player.num_assumed() - player.computed;
      if (num_left == 0 || one_in(5)) {
        continue;
      }
      Candidate candidate;
      candidate.sequence = player.start->sequence;
      candidate.seat = player.seat;
      candidate.begin = player.computed;
      candidate.num_tokens = between(1, num_left);
      candidate.known = player.num_assumed();
      candidate.reserve = one_in(4) ? candidate.known + between(0, 6) : 0;
      proposal.candidates.push_back(candidate);
    }
    shuffle(proposal.candidates);
  }

  void propose_entrants(StepProposal& proposal) {
    for (std::int32_t seat = 0; seat < num_seats_; ++seat) {
      const auto holder = std::ranges::find(seated_, seat, &Player::seat);
      if (holder != seated_.end() ? one_in(6) : one_in(2)) {
        auto candidate = entrant(seat);
        auto place = between(0, static_cast<std::int32_t>(proposal.candidates.size()));
        if (holder != seated_.end()) {
          candidate.displaces = holder->start->sequence;
          const auto own =
              std::ranges::find(proposal.candidates, holder->start->sequence, &Candidate::sequence);
          place = std::min(place, static_cast<std::int32_t>(own - proposal.candidates.begin()));
        }
        proposal.candidates.insert(proposal.candidates.begin() + place, std::move(candidate));
      }
    }
  }

  Candidate entrant(std::int32_t seat) {
    auto start = std::make_shared<SequenceStart>();
    if (!waiting_.empty() && !one_in(3)) {
      *start = waiting_.front();
      waiting_.pop_front();
    } else {
      start->cache_salt = std::string(static_cast<std::size_t>(between(0, 2) / 2), 's');
      const auto length = between(1, config_.num_blocks * config_.block_size);
      const auto num_shared = between(0, length);
      for (std::int32_t position = 0; position < length; ++position) {
        start->tokens.push_back(position < num_shared ? position % 7 : between(0, vocab_size_));
      }
    }
    start->sequence = SequenceId{++last_sequence_};
    start->num_prompt_tokens = start->num_tokens();
    Candidate candidate;
    candidate.sequence = start->sequence;
    candidate.seat = seat;
    candidate.known = start->num_tokens();
    candidate.num_tokens = one_in(2) ? candidate.known : between(1, candidate.known);
    candidate.reserve = one_in(2) ? candidate.known : 0;
    candidate.admission = std::move(start);
    return candidate;
  }

  void choose_victims(StepProposal& proposal) {
    for (const auto& player : seated_) {
      if (!one_in(3)) {
        proposal.victims.push_back(player.start->sequence);
      }
    }
    shuffle(proposal.victims);
  }

  void apply(const StepProposal& proposal, const StepGranted& granted) {
    for (const auto sequence : granted.preempted) {
      const auto player = std::ranges::find_if(
          seated_, [&](const Player& one) { return one.start->sequence == sequence; });
      waiting_.push_back(comes_back(*player));
      seated_.erase(player);
    }
    for (const auto& row : granted.rows) {
      const auto& candidate =
          *std::ranges::find(proposal.candidates, row.sequence, &Candidate::sequence);
      if (candidate.admission) {
        seated_.push_back(Player{candidate.admission, candidate.seat, 0, candidate.known});
      }
      auto& player = *std::ranges::find_if(
          seated_, [&](const Player& one) { return one.start->sequence == row.sequence; });
      player.computed = row.end;
      if (row.samples) {
        player.untold.push_back(between(0, vocab_size_));
      }
    }
  }

  SequenceStart comes_back(const Player& player) {
    auto start = *player.start;
    const auto& told = told_[start.sequence];
    start.tokens.insert(start.tokens.end(), told.begin(), told.end());
    start.tokens.insert(start.tokens.end(), player.untold.begin(), player.untold.end());
    start.tokens.resize(std::min(
        start.tokens.size(), static_cast<std::size_t>(config_.num_blocks * config_.block_size)));
    return start;
  }

  std::mt19937 random_;
  MemoryConfig config_;
  std::int32_t num_seats_ = 0;
  std::int32_t vocab_size_ = 0;
  std::optional<MemoryManager> memory_;
  std::optional<NaiveTables> tables_;
  std::uint64_t step_ = 0;
  std::uint64_t last_sequence_ = 0;
  std::vector<Player> seated_;
  std::deque<SequenceStart> waiting_;
  std::map<SequenceId, std::vector<TokenId>> told_;
};

TEST_CASE("whatever is proposed, blocks, contents and chains are what plain tables say") {
  MemoryStatistics sum;
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    MemoryPlay play(seed);
    std::string broken;
    try {
      for (int count = 0; count < 80; ++count) {
        play.step();
      }
      play.end();
    } catch (const std::exception& exception) {
      broken = exception.what();
    }
    REQUIRE(broken == "");
    sum.num_copied_tokens += play.statistics().num_copied_tokens;
    sum.num_restored_tokens += play.statistics().num_restored_tokens;
    sum.num_swapped_out_blocks += play.statistics().num_swapped_out_blocks;
    sum.num_preemptions += play.statistics().num_preemptions;
    sum.num_awaited += play.statistics().num_awaited;
  }
  CHECK(sum.num_copied_tokens > 0);
  CHECK(sum.num_restored_tokens > 0);
  CHECK(sum.num_swapped_out_blocks > 0);
  CHECK(sum.num_preemptions > 0);
  CHECK(sum.num_awaited > 0);
}

}  // namespace
}  // namespace troupe::test
