// Walks a proposal: names what became known, releases who ended, then serves the candidates in
// their order. Nothing here costs more than the work of the step; see `audit` for the exception.
#include "engine/memory/memory_manager.h"

#include "engine/base/check.h"
#include "engine/memory/block_pool.h"
#include "engine/memory/block_table.h"
#include "engine/memory/prefix_cache.h"
#include "engine/memory/sacrifice.h"
#include "engine/step/chunking.h"

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe {
namespace {

constexpr auto kNothingFailedYet = std::numeric_limits<std::int32_t>::max();

std::string name(SequenceId sequence) {
  return "sequence " + std::to_string(sequence.value);
}

std::size_t index_of(std::int32_t number) {
  return static_cast<std::size_t>(number);
}

/// What one candidate needs.
struct Need {
  std::int32_t begin = 0;
  std::int32_t end = 0;
  std::int32_t num_new_blocks = 0;
  std::int32_t num_left_free = 0;  // beyond the new ones
};

}  // namespace

struct MemoryManager::State {
  State(const MemoryConfig& memory_config, RingNumber ring_number)
      : config(memory_config),
        ring(ring_number),
        pool(memory_config.num_blocks),
        cache(memory_config.num_blocks, memory_config.block_size),
        sacrifice(memory_config.num_blocks) {}

  MemoryConfig config;
  RingNumber ring;
  StepNumber step;
  BlockPool pool;
  PrefixCache cache;
  Sacrifice sacrifice;
  std::vector<BlockTable> seats;
  std::unordered_map<SequenceId, std::int32_t> seat_of;
  MemoryStatistics statistics;

  // Scratch of one settling.
  const StepProposal* proposal = nullptr;
  StepGranted granted;
  std::shared_ptr<StepPlan> plan;
  std::uint64_t settling = 0;
  std::int32_t admission_tokens_left = 0;
  std::int32_t least_failed_demand = kNothingFailedYet;
  std::vector<BlockTable*> eligible;
  std::vector<BlockId> hits;
  std::vector<TokenId> block_tokens;

  Settled settle(const StepProposal& next);
  void begin(const StepProposal& next);
  Settled finish();

  BlockTable& table_of(SequenceId sequence);
  BlockTable* holder(const Candidate& candidate);
  void learn(const KnownToken& known);
  void rank_candidates();
  void rank_running(const Candidate& candidate, std::size_t rank);
  void release_blocks(BlockTable& table);
  void vacate(BlockTable& table);

  void serve(const Candidate& candidate, std::size_t rank);
  void serve_running(const Candidate& candidate, std::size_t rank);
  void serve_admission(const Candidate& candidate, std::size_t rank);
  BlockTable& seat(const Candidate& candidate, std::size_t rank);
  void find_hits(const SequenceStart& start);
  bool make_room(const Need& need, std::size_t rank);
  bool sacrifice_for(std::int32_t num_wanted, std::size_t rank);
  void grant(const Candidate& candidate, BlockTable& table, const Need& need);
  BlockId take_block();
  void name_full_blocks(BlockTable& table, StepNumber written);
  bool name_next_block(BlockTable& table, StepNumber written);
  std::int32_t blocks_for(std::int32_t num_positions) const;
  void audit() const;
  void audit_table(const BlockTable& table) const;
  void audit_block(BlockId block, std::int32_t num_listed) const;
};

MemoryManager::Settled MemoryManager::State::settle(const StepProposal& next) {
  begin(next);
  // Tokens first: the blocks that they complete stay in the cache when their sequence goes.
  for (const auto& known : next.known) {
    learn(known);
  }
  for (const auto sequence : next.releases) {
    vacate(table_of(sequence));
  }
  rank_candidates();
  for (std::size_t rank = 0; rank < next.candidates.size(); ++rank) {
    serve(next.candidates[rank], rank);
  }
  return finish();
}

void MemoryManager::State::begin(const StepProposal& next) {
  TROUPE_CHECK(next.ring == ring, "a proposal of ring " + std::to_string(next.ring.value) +
                                      " in ring " + std::to_string(ring.value));
  TROUPE_CHECK(next.step > step, "step " + std::to_string(next.step.value) + " after step " +
                                     std::to_string(step.value));
  step = next.step;
  proposal = &next;
  ++settling;
  admission_tokens_left = next.max_admission_tokens;
  least_failed_demand = kNothingFailedYet;
  granted = StepGranted{};
  granted.ring = ring;
  granted.step = step;
  granted.rows.reserve(next.candidates.size());
  plan = std::make_shared<StepPlan>();
  plan->ring = ring;
  plan->step = step;
  plan->rows.reserve(next.candidates.size());
}

MemoryManager::Settled MemoryManager::State::finish() {
  granted.num_free_blocks = pool.num_free();
  granted.num_cached_blocks = pool.num_idle();
  granted.plan_sent = !plan->rows.empty();
  if (!granted.plan_sent) {
    plan.reset();
  }
  proposal = nullptr;
  return Settled{std::move(granted), std::move(plan)};
}

BlockTable& MemoryManager::State::table_of(SequenceId sequence) {
  const auto found = seat_of.find(sequence);
  TROUPE_CHECK(found != seat_of.end(), name(sequence) + " is not seated");
  return seats[index_of(found->second)];
}

BlockTable* MemoryManager::State::holder(const Candidate& candidate) {
  const auto seat = index_of(candidate.seat);
  const auto sits =
      seat < seats.size() && seats[seat].seated() && seats[seat].sequence == candidate.sequence;
  return sits ? &seats[seat] : nullptr;
}

void MemoryManager::State::learn(const KnownToken& known) {
  if (!config.enable_prefix_caching) {
    return;
  }
  auto& table = table_of(known.sequence);
  table.generated.push_back(known.token);
  // Computed by an earlier plan, so whoever is served from now on may read it.
  name_full_blocks(table, StepNumber{step.value - 1});
}

void MemoryManager::State::rank_candidates() {
  std::size_t rank = 0;
  for (const auto& candidate : proposal->candidates) {
    if (!candidate.admission) {
      rank_running(candidate, rank);
    }
    ++rank;
  }
}

void MemoryManager::State::rank_running(const Candidate& candidate, std::size_t rank) {
  auto* table = holder(candidate);
  TROUPE_CHECK(table != nullptr, name(candidate.sequence) + " does not sit on its seat");
  table->settling = settling;
  table->rank = rank;
}

// Backwards, so that of two idle blocks the one behind the other is given up first.
void MemoryManager::State::release_blocks(BlockTable& table) {
  for (auto block = table.blocks.rbegin(); block != table.blocks.rend(); ++block) {
    pool.release(*block, cache.contains(*block) ? Content::cached : Content::worthless);
  }
  table.blocks.clear();
}

void MemoryManager::State::vacate(BlockTable& table) {
  release_blocks(table);
  seat_of.erase(table.sequence);
  table.vacate();
}

void MemoryManager::State::serve(const Candidate& candidate, std::size_t rank) {
  if (candidate.admission) {
    serve_admission(candidate, rank);
  } else {
    serve_running(candidate, rank);
  }
}

void MemoryManager::State::serve_running(const Candidate& candidate, std::size_t rank) {
  auto* seated = holder(candidate);
  if (seated == nullptr) {
    return;  // sacrificed by a candidate before it
  }
  auto& table = *seated;
  TROUPE_CHECK(candidate.begin == table.computed && candidate.num_tokens > 0 &&
                   candidate.num_tokens <= candidate.known - candidate.begin,
               name(candidate.sequence) + " asks for positions out of turn");
  Need need;
  need.begin = candidate.begin;
  need.end = candidate.begin + candidate.num_tokens;
  const auto held = table.num_blocks();
  need.num_new_blocks = std::max(blocks_for(std::max(need.end, candidate.reserve)) - held, 0);
  if (!make_room(need, rank)) {
    granted.deferred.push_back(candidate.sequence);
    return;
  }
  grant(candidate, table, need);
}

void MemoryManager::State::serve_admission(const Candidate& candidate, std::size_t rank) {
  if (admission_tokens_left <= 0) {
    return;
  }
  const auto& start = *candidate.admission;
  TROUPE_CHECK(start.sequence == candidate.sequence && start.num_tokens() == candidate.known &&
                   candidate.num_tokens > 0 && candidate.known > 0 && candidate.seat >= 0,
               name(candidate.sequence) + " is admitted with contradictory numbers");
  find_hits(start);
  const auto num_hits = static_cast<std::int32_t>(hits.size());
  Need need;
  need.begin = num_hits * config.block_size;
  need.end = chunk_end(need.begin, candidate.known,
                       std::min(candidate.num_tokens, admission_tokens_left), config.block_size);
  need.num_new_blocks = blocks_for(std::max(need.end, candidate.reserve)) - num_hits;
  need.num_left_free = proposal->num_headroom_blocks;
  std::ranges::for_each(hits, [this](BlockId block) { pool.share(block); });
  if (!make_room(need, rank)) {
    for (auto block = hits.rbegin(); block != hits.rend(); ++block) {
      pool.release(*block, Content::cached);
    }
    granted.deferred.push_back(candidate.sequence);
    return;
  }
  auto& table = seat(candidate, rank);
  plan->seats_taken.push_back(SeatTaken{candidate.seat, candidate.admission});
  statistics.num_queried_tokens += candidate.known;
  statistics.num_hit_tokens += need.begin;
  admission_tokens_left -= need.end - need.begin;
  grant(candidate, table, need);
}

// The hits become the head of the new table.
BlockTable& MemoryManager::State::seat(const Candidate& candidate, std::size_t rank) {
  if (index_of(candidate.seat) >= seats.size()) {
    seats.resize(index_of(candidate.seat) + 1);
  }
  auto& table = seats[index_of(candidate.seat)];
  table.seat(candidate.admission);
  table.settling = settling;
  table.rank = rank;
  table.blocks.assign(hits.begin(), hits.end());
  table.num_named_blocks = table.num_blocks();
  table.computed = table.num_blocks() * config.block_size;
  if (!hits.empty()) {
    table.prefix = cache.prefix_of(hits.back());
    table.prefix_block = hits.back();
  }
  seat_of.emplace(candidate.sequence, candidate.seat);
  return table;
}

// The longest cached prefix in whole blocks. One token is always left to compute, for its logits.
void MemoryManager::State::find_hits(const SequenceStart& start) {
  hits.clear();
  if (!config.enable_prefix_caching) {
    return;
  }
  const std::span<const TokenId> tokens = start.tokens;
  const auto block_size = index_of(config.block_size);
  PrefixId prefix;
  for (std::size_t begin = 0; begin + block_size < tokens.size(); begin += block_size) {
    const auto found = cache.find(prefix, tokens.subspan(begin, block_size));
    // What this very plan writes is not there yet when the plan's rows read.
    if (!found || cache.written(*found) == step) {
      return;
    }
    hits.push_back(*found);
    prefix = cache.prefix_of(*found);
  }
}

bool MemoryManager::State::make_room(const Need& need, std::size_t rank) {
  const auto wanted = need.num_new_blocks + need.num_left_free;
  if (wanted <= pool.num_free()) {
    return true;
  }
  // What is free or could be freed only dwindles during a settling, so a greater demand than one
  // that failed need not be looked into. Hits count on both sides: holding them takes from either.
  if (wanted >= least_failed_demand) {
    return false;
  }
  if (!sacrifice_for(wanted, rank)) {
    const auto num_hits = static_cast<std::int32_t>(hits.size());
    least_failed_demand = std::min(least_failed_demand, wanted + num_hits);
    return false;
  }
  return true;
}

bool MemoryManager::State::sacrifice_for(std::int32_t num_wanted, std::size_t rank) {
  eligible.clear();
  for (const auto sequence : proposal->victims) {
    const auto found = seat_of.find(sequence);
    if (found == seat_of.end()) {
      continue;  // sacrificed already
    }
    auto& table = seats[index_of(found->second)];
    if (table.settling != settling || table.rank > rank) {
      eligible.push_back(&table);
    }
  }
  const auto chosen = sacrifice.choose(eligible, pool, num_wanted);
  for (auto* table : chosen) {
    granted.preempted.push_back(table->sequence);
    ++statistics.num_preemptions;
    vacate(*table);
  }
  return !chosen.empty();
}

void MemoryManager::State::grant(const Candidate& candidate, BlockTable& table, const Need& need) {
  const auto num_old = candidate.admission ? 0 : table.blocks.size();
  for (auto count = need.num_new_blocks; count > 0; --count) {
    table.blocks.push_back(take_block());
  }
  if (table.blocks.size() > num_old) {
    const auto first = table.blocks.begin() + static_cast<std::ptrdiff_t>(num_old);
    plan->table_growth.push_back(TableGrowth{candidate.seat, {first, table.blocks.end()}});
  }
  const auto samples = need.end == candidate.known;
  plan->rows.push_back(PlanRow{candidate.seat, need.begin, need.end, samples});
  granted.rows.push_back(GrantedRow{candidate.sequence, need.begin, need.end, samples});
  table.computed = need.end;
  name_full_blocks(table, step);
}

BlockId MemoryManager::State::take_block() {
  if (const auto blank = pool.take_blank()) {
    return *blank;
  }
  const auto evicted = pool.take_oldest_idle();
  cache.erase(evicted);
  ++statistics.num_evicted_blocks;
  return evicted;
}

void MemoryManager::State::name_full_blocks(BlockTable& table, StepNumber written) {
  if (!config.enable_prefix_caching) {
    return;
  }
  const auto num_full = std::min(table.computed, table.num_known()) / config.block_size;
  while (table.num_named_blocks < num_full && name_next_block(table, written)) {
    ++table.num_named_blocks;
  }
}

// False when the chain is broken: another sequence's block bore the name of our prefix, and was
// given up. Nothing behind it could be found, so nothing more is put there.
bool MemoryManager::State::name_next_block(BlockTable& table, StepNumber written) {
  if (table.prefix != PrefixId{} && cache.prefix_of(table.prefix_block) != table.prefix) {
    return false;
  }
  const auto begin = table.num_named_blocks * config.block_size;
  const auto tokens = table.tokens(begin, config.block_size, block_tokens);
  auto bearer = table.blocks[index_of(table.num_named_blocks)];
  if (const auto twin = cache.find(table.prefix, tokens)) {
    bearer = *twin;
  } else {
    cache.insert(table.prefix, tokens, bearer, written);
  }
  table.prefix = cache.prefix_of(bearer);
  table.prefix_block = bearer;
  return true;
}

std::int32_t MemoryManager::State::blocks_for(std::int32_t num_positions) const {
  return (num_positions + config.block_size - 1) / config.block_size;
}

void MemoryManager::State::audit() const {
  pool.audit();
  cache.audit();
  std::vector<std::int32_t> listed(index_of(pool.num_total()), 0);
  std::size_t num_seated = 0;
  for (const auto& table : seats) {
    audit_table(table);
    num_seated += table.seated() ? 1 : 0;
    for (const auto block : table.blocks) {
      ++listed[index_of(block.value)];
    }
  }
  TROUPE_CHECK(num_seated == seat_of.size(), "the index of seats and the seats disagree");
  std::int32_t num_idle = 0;
  for (std::size_t index = 0; index < listed.size(); ++index) {
    const BlockId block{static_cast<std::int32_t>(index)};
    audit_block(block, listed[index]);
    num_idle += listed[index] == 0 && cache.contains(block) ? 1 : 0;
  }
  TROUPE_CHECK(num_idle == pool.num_idle(), "idle blocks and cached free blocks differ");
}

void MemoryManager::State::audit_table(const BlockTable& table) const {
  TROUPE_CHECK(table.seated() || table.blocks.empty(), "an empty seat holds blocks");
  TROUPE_CHECK(!table.seated() || table.num_blocks() >= blocks_for(table.computed),
               name(table.sequence) + " has computed more than its blocks hold");
}

void MemoryManager::State::audit_block(BlockId block, std::int32_t num_listed) const {
  TROUPE_CHECK(num_listed == pool.references(block),
               "block " + std::to_string(block.value) + " has other references than tables");
  TROUPE_CHECK(num_listed <= 1 || cache.contains(block),
               "block " + std::to_string(block.value) + " is shared but not full and named");
}

MemoryManager::MemoryManager(const MemoryConfig& config, RingNumber ring)
    : state_(std::make_unique<State>(config, ring)) {}

MemoryManager::~MemoryManager() = default;
MemoryManager::MemoryManager(MemoryManager&&) noexcept = default;
MemoryManager& MemoryManager::operator=(MemoryManager&&) noexcept = default;

MemoryManager::Settled MemoryManager::settle(const StepProposal& proposal) {
  return state_->settle(proposal);
}

std::int32_t MemoryManager::num_total_blocks() const {
  return state_->pool.num_total();
}

std::int32_t MemoryManager::num_free_blocks() const {
  return state_->pool.num_free();
}

std::int32_t MemoryManager::num_cached_blocks() const {
  return state_->pool.num_idle();
}

const MemoryStatistics& MemoryManager::statistics() const {
  return state_->statistics;
}

void MemoryManager::audit() const {
  state_->audit();
}

}  // namespace troupe
