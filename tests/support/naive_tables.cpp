#include "tests/support/naive_tables.h"

#include "engine/base/check.h"

#include <algorithm>
#include <string>

namespace troupe::test {
namespace {

std::string name(SequenceId sequence) {
  return "sequence " + std::to_string(sequence.value);
}

template <class Range, class Value>
bool contains(const Range& range, const Value& value) {
  return std::ranges::find(range, value) != std::ranges::end(range);
}

}  // namespace

NaiveTables::NaiveTables(std::int32_t num_blocks, std::int32_t block_size)
    : num_blocks_(num_blocks), block_size_(block_size), contents_(block_size) {}

void NaiveTables::follow(const StepProposal& proposal,
                         const StepGranted& granted,
                         const StepPlan* plan) {
  for (const auto& known : proposal.known) {
    tables_.at(known.sequence).log->tokens.push_back(known.token);
  }
  for (const auto sequence : proposal.releases) {
    TROUPE_CHECK(tables_.erase(sequence) == 1, name(sequence) + " is released but held nothing");
  }
  check_sacrifices(proposal, granted);
  check_answers(proposal, granted);
  for (const auto sequence : granted.preempted) {
    TROUPE_CHECK(tables_.erase(sequence) == 1, name(sequence) + " is preempted but held nothing");
  }
  TROUPE_CHECK((plan != nullptr) == granted.plan_sent, "a plan was promised and not sent");
  if (plan != nullptr) {
    TROUPE_CHECK(!plan->rows.empty(), "a plan without rows");
    play(proposal, granted, *plan);
  }
  check_awaiting(proposal, granted, plan);
  check_sharing();
  TROUPE_CHECK(granted.num_free_blocks == num_blocks_ - num_held(),
               std::to_string(granted.num_free_blocks) + " blocks are said to be free, " +
                   std::to_string(num_blocks_ - num_held()) + " are");
}

// Only victims give way, and those whose seat was taken.
void NaiveTables::check_sacrifices(const StepProposal& proposal, const StepGranted& granted) const {
  std::set<SequenceId> displaced;
  for (const auto& candidate : proposal.candidates) {
    const auto is_granted = std::ranges::find(granted.rows, candidate.sequence,
                                              &GrantedRow::sequence) != granted.rows.end();
    if (candidate.displaces && is_granted) {
      displaced.insert(*candidate.displaces);
      TROUPE_CHECK(!tables_.contains(*candidate.displaces) ||
                       contains(granted.preempted, *candidate.displaces),
                   name(*candidate.displaces) + " lost its seat and was not preempted");
    }
  }
  for (const auto sequence : granted.preempted) {
    TROUPE_CHECK(contains(proposal.victims, sequence) || displaced.contains(sequence),
                 name(sequence) + " was no victim");
    TROUPE_CHECK(std::ranges::count(granted.preempted, sequence) == 1,
                 name(sequence) + " is preempted twice");
    for (const auto& row : granted.rows) {
      TROUPE_CHECK(row.sequence != sequence, name(sequence) + " was sacrificed and granted");
    }
    TROUPE_CHECK(!contains(granted.deferred, sequence), name(sequence) + " was told twice");
  }
}

// Rows and refusals in the order of the candidates, and a sacrifice only for somebody before it.
void NaiveTables::check_answers(const StepProposal& proposal, const StepGranted& granted) const {
  auto row = granted.rows.begin();
  auto refused = granted.deferred.begin();
  auto awaiting = granted.awaiting.begin();
  std::int32_t admission_tokens = 0;
  bool any_granted = false;
  for (const auto& candidate : proposal.candidates) {
    if (row != granted.rows.end() && row->sequence == candidate.sequence) {
      const auto num_tokens = row->end - row->begin;
      TROUPE_CHECK(num_tokens > 0 && num_tokens <= candidate.num_tokens,
                   name(candidate.sequence) + " got more than it asked for");
      TROUPE_CHECK(row->samples == (row->end == candidate.known), "a row samples at the wrong end");
      admission_tokens += candidate.admission ? num_tokens : 0;
      any_granted = true;
      ++row;
    } else if (refused != granted.deferred.end() && *refused == candidate.sequence) {
      ++refused;
    } else if (awaiting != granted.awaiting.end() && *awaiting == candidate.sequence) {
      TROUPE_CHECK(candidate.admission, name(candidate.sequence) + " runs, and is told to wait");
      ++awaiting;
    } else if (!candidate.admission) {
      TROUPE_CHECK(contains(granted.preempted, candidate.sequence) && any_granted,
                   name(candidate.sequence) + " got no answer");
    }
  }
  TROUPE_CHECK(row == granted.rows.end() && refused == granted.deferred.end() &&
                   awaiting == granted.awaiting.end(),
               "answers astray");
  TROUPE_CHECK(admission_tokens <= proposal.max_admission_tokens, "admissions beyond the budget");
}

// Whoever waits finds more next time: a row of this very step computes something that both share,
// or the sources of its copies come free.
void NaiveTables::check_awaiting(const StepProposal& proposal,
                                 const StepGranted& granted,
                                 const StepPlan* plan) const {
  for (const auto sequence : granted.awaiting) {
    const auto& start =
        *std::ranges::find(proposal.candidates, sequence, &Candidate::sequence)->admission;
    const auto is_promised = [&](const GrantedRow& row) {
      const auto& log = *tables_.at(row.sequence).log;
      const auto end = std::ranges::mismatch(start.tokens, log.tokens).in1;
      const auto num_same = static_cast<std::int32_t>(end - start.tokens.begin());
      return log.salt == start.cache_salt && num_same / block_size_ * block_size_ > row.begin;
    };
    const auto copies = plan != nullptr && !plan->copies.empty();
    TROUPE_CHECK(copies || std::ranges::any_of(granted.rows, is_promised),
                 name(sequence) + " waits for nobody");
  }
}

void NaiveTables::play(const StepProposal& proposal,
                       const StepGranted& granted,
                       const StepPlan& plan) {
  seat(plan);
  TROUPE_CHECK(plan.rows.size() == granted.rows.size(), "the plan and the grant differ");
  std::vector<NaiveRow> rows;
  for (std::size_t index = 0; index < plan.rows.size(); ++index) {
    const auto& row = plan.rows[index];
    const auto sequence = holder_of(row.seat);
    TROUPE_CHECK(granted.rows[index].sequence == sequence && granted.rows[index].end == row.end,
                 "the plan and the grant differ");
    play_row(*std::ranges::find(proposal.candidates, sequence, &Candidate::sequence), row, plan);
    const auto& table = tables_.at(sequence);
    rows.push_back(NaiveRow{table.log, table.blocks, row.begin, row.end});
  }
  contents_.play(plan, rows);
}

void NaiveTables::seat(const StepPlan& plan) {
  for (const auto& taken : plan.seats_taken) {
    for (const auto& [sequence, table] : tables_) {
      TROUPE_CHECK(table.seat != taken.seat, name(sequence) + " loses its seat unasked");
    }
    const auto& start = *taken.start;
    tables_[start.sequence] =
        Table{taken.seat,
              std::make_shared<NaiveLog>(NaiveLog{start.sequence, start.cache_salt, start.tokens}),
              {},
              0};
  }
  for (const auto& growth : plan.table_growth) {
    auto& blocks = tables_.at(holder_of(growth.seat)).blocks;
    TROUPE_CHECK(!growth.blocks.empty(), "a growth by nothing");
    blocks.insert(blocks.end(), growth.blocks.begin(), growth.blocks.end());
  }
}

// Only who enters may begin anywhere: behind a copy, where it is not the border of a block.
void NaiveTables::play_row(const Candidate& candidate, const PlanRow& row, const StepPlan& plan) {
  auto& table = tables_.at(candidate.sequence);
  const auto place = static_cast<std::size_t>(row.begin / block_size_);
  const auto is_copied =
      row.begin % block_size_ == 0 ||
      std::ranges::find(plan.copies, table.blocks.at(place), &BlockCopy::to) != plan.copies.end();
  TROUPE_CHECK(candidate.admission ? is_copied : row.begin == table.computed,
               name(candidate.sequence) + " computes positions out of turn");
  table.computed = row.end;
  const auto positions = std::max(row.end, candidate.reserve);
  const auto num_wanted = static_cast<std::size_t>((positions + block_size_ - 1) / block_size_);
  TROUPE_CHECK(
      candidate.admission ? table.blocks.size() == num_wanted : table.blocks.size() >= num_wanted,
      name(candidate.sequence) + " has a table of the wrong length");
  for (auto written = place;
       written * static_cast<std::size_t>(block_size_) < static_cast<std::size_t>(row.end);
       ++written) {
    for (const auto& [sequence, other] : tables_) {
      TROUPE_CHECK(&other == &table || !contains(other.blocks, table.blocks[written]),
                   name(candidate.sequence) + " writes to a block of " + name(sequence));
    }
  }
}

// A block in two tables stands at the same place of both, is full, and everything up to its end is
// the same in both.
void NaiveTables::check_sharing() const {
  std::map<BlockId, std::pair<const Table*, std::size_t>> first_holder;
  for (const auto& [sequence, table] : tables_) {
    for (std::size_t place = 0; place < table.blocks.size(); ++place) {
      const auto block = table.blocks[place];
      TROUPE_CHECK(block.value >= 0 && block.value < num_blocks_, "there is no such block");
      const auto [entry, is_first] = first_holder.try_emplace(block, &table, place);
      if (is_first) {
        continue;
      }
      const auto end = static_cast<std::ptrdiff_t>(place + 1) * block_size_;
      const auto& other = *entry->second.first;
      TROUPE_CHECK(entry->second.second == place && &other != &table,
                   "block " + std::to_string(block.value) + " stands at two places");
      TROUPE_CHECK(table.log->salt == other.log->salt,
                   name(sequence) + " shares a block under another salt");
      const auto& mine = table.log->tokens;
      const auto& theirs = other.log->tokens;
      TROUPE_CHECK(std::ssize(mine) >= end && std::ssize(theirs) >= end &&
                       std::equal(mine.begin(), mine.begin() + end, theirs.begin()),
                   name(sequence) + " shares a block behind another prefix");
    }
  }
}

SequenceId NaiveTables::holder_of(std::int32_t seat) const {
  const auto found = std::ranges::find_if(
      tables_, [seat](const auto& entry) { return entry.second.seat == seat; });
  TROUPE_CHECK(found != tables_.end(), "nobody sits on seat " + std::to_string(seat));
  return found->first;
}

std::vector<SequenceId> NaiveTables::holders() const {
  std::vector<SequenceId> holders;
  for (const auto& [sequence, table] : tables_) {
    holders.push_back(sequence);
  }
  return holders;
}

std::int32_t NaiveTables::num_held() const {
  std::set<BlockId> held;
  for (const auto& [sequence, table] : tables_) {
    held.insert(table.blocks.begin(), table.blocks.end());
  }
  return static_cast<std::int32_t>(held.size());
}

}  // namespace troupe::test
