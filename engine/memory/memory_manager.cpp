// Walks a proposal: names what became known, releases who ended, then serves the candidates in
// their order. Nothing here costs more than the work of the step; see `audit` for the exception.
#include "engine/memory/memory_manager.h"

#include "engine/base/check.h"
#include "engine/memory/block_store.h"
#include "engine/memory/promised_prefixes.h"
#include "engine/memory/sacrifice.h"
#include "engine/memory/seated_tables.h"
#include "engine/step/chunking.h"

#include <algorithm>
#include <limits>
#include <span>
#include <string>
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
  std::int32_t num_left_free = 0;     // beyond the new ones
  std::int32_t num_found_blocks = 0;  // held for it already
};

}  // namespace

struct MemoryManager::State {
  State(const MemoryConfig& memory_config, RingNumber ring_number)
      : config(memory_config),
        ring(ring_number),
        store(memory_config, statistics),
        sacrifice(memory_config.num_blocks),
        promises(memory_config.block_size) {}

  MemoryConfig config;
  RingNumber ring;
  StepNumber step;
  MemoryStatistics statistics;
  BlockStore store;
  Sacrifice sacrifice;
  SeatedTables tables;

  // Scratch of one settling.
  const StepProposal* proposal = nullptr;
  StepGranted granted;
  std::shared_ptr<StepPlan> plan;
  std::uint64_t settling = 0;
  std::int32_t admission_tokens_left = 0;
  std::int32_t least_failed_demand = kNothingFailedYet;
  PromisedPrefixes promises;
  std::vector<BlockTable*> eligible;
  FoundPrefix found;
  std::vector<TokenId> block_tokens;

  Settled settle(const StepProposal& next);
  void begin(const StepProposal& next);
  Settled finish();

  void learn(const KnownToken& known);
  void rank_candidates();
  void rank_running(const Candidate& candidate, std::size_t rank);
  void vacate(BlockTable& table, Departure departure);

  void serve(const Candidate& candidate, std::size_t rank);
  void serve_running(const Candidate& candidate, std::size_t rank);
  void serve_admission(const Candidate& candidate, std::size_t rank);
  void check_admission(const Candidate& candidate) const;
  bool does_better_to_wait(const SequenceStart& start) const;
  BlockTable* displaced_by(const Candidate& candidate, std::size_t rank);
  Need need_of(const Candidate& entrant) const;
  BlockTable& seat(const Candidate& candidate, std::size_t rank);
  bool has_room(const Need& need) const;
  bool lacks_only_copied(const Need& need) const;
  bool make_room(const Need& need, std::size_t rank, BlockTable* displaced);
  bool sacrifice_for(std::int32_t num_wanted, std::size_t rank, BlockTable* displaced);
  void grant(const Candidate& candidate, BlockTable& table, const Need& need);
  void promise(const BlockTable& table, const Need& need);
  void name_full_blocks(BlockTable& table, StepNumber written);
  std::int32_t blocks_for(std::int32_t num_positions) const;
  void audit() const;
  void audit_table(const BlockTable& table) const;
};

MemoryManager::Settled MemoryManager::State::settle(const StepProposal& next) {
  begin(next);
  // Tokens first: the blocks that they complete stay in the cache when their sequence goes.
  for (const auto& known : next.known) {
    learn(known);
  }
  for (const auto sequence : next.releases) {
    vacate(tables.at(sequence), Departure::ended);
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
  store.begin_plan(step, *plan);
}

MemoryManager::Settled MemoryManager::State::finish() {
  store.end_plan();
  promises.clear();
  granted.num_free_blocks = store.num_free();
  granted.num_cached_blocks = store.num_idle();
  granted.plan_sent = !plan->rows.empty();
  if (!granted.plan_sent) {
    plan.reset();
  }
  proposal = nullptr;
  return Settled{std::move(granted), std::move(plan)};
}

void MemoryManager::State::learn(const KnownToken& known) {
  if (!config.enable_prefix_caching) {
    return;
  }
  auto& table = tables.at(known.sequence);
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
  auto* table = tables.find(candidate.sequence, candidate.seat);
  TROUPE_CHECK(table != nullptr, name(candidate.sequence) + " does not sit on its seat");
  table->settling = settling;
  table->rank = rank;
}

void MemoryManager::State::vacate(BlockTable& table, Departure departure) {
  store.release(table.blocks, departure);
  store.leave_root(table.root);
  tables.vacate(table);
}

void MemoryManager::State::serve(const Candidate& candidate, std::size_t rank) {
  if (candidate.admission) {
    serve_admission(candidate, rank);
  } else {
    serve_running(candidate, rank);
  }
}

void MemoryManager::State::serve_running(const Candidate& candidate, std::size_t rank) {
  auto* seated = tables.find(candidate.sequence, candidate.seat);
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
  if (!make_room(need, rank, nullptr)) {
    granted.deferred.push_back(candidate.sequence);
    return;
  }
  const auto num_old = table.blocks.size();
  for (auto count = need.num_new_blocks; count > 0; --count) {
    table.blocks.push_back(store.take());
  }
  if (need.num_new_blocks > 0) {
    const auto first = table.blocks.begin() + static_cast<std::ptrdiff_t>(num_old);
    plan->table_growth.push_back(TableGrowth{candidate.seat, {first, table.blocks.end()}});
  }
  grant(candidate, table, need);
}

void MemoryManager::State::serve_admission(const Candidate& candidate, std::size_t rank) {
  if (admission_tokens_left <= 0) {
    return;
  }
  check_admission(candidate);
  const auto& start = *candidate.admission;
  store.find(start, found);
  if (does_better_to_wait(start)) {
    ++statistics.num_awaited;
    granted.awaiting.push_back(candidate.sequence);
    return;
  }
  auto* displaced = displaced_by(candidate, rank);
  store.hold(found);
  auto need = need_of(candidate);
  // A copy holds its source beside the block that it fills: nobody gives way for that.
  if (found.copied && !has_room(need)) {
    store.let_go_copied(found);
    need = need_of(candidate);
  }
  const auto waits = displaced == nullptr && lacks_only_copied(need);
  if (waits || !make_room(need, rank, displaced)) {
    store.let_go(found);
    (waits ? granted.awaiting : granted.deferred).push_back(candidate.sequence);
    return;
  }
  auto& table = seat(candidate, rank);
  store.fill_table(found, need.num_found_blocks + need.num_new_blocks, table.blocks);
  plan->seats_taken.push_back(SeatTaken{candidate.seat, candidate.admission});
  plan->table_growth.push_back(TableGrowth{candidate.seat, table.blocks});
  statistics.num_queried_tokens += candidate.known;
  statistics.num_hit_tokens += need.begin;
  admission_tokens_left -= need.end - need.begin;
  grant(candidate, table, need);
}

void MemoryManager::State::check_admission(const Candidate& candidate) const {
  const auto& start = *candidate.admission;
  TROUPE_CHECK(start.sequence == candidate.sequence && start.num_tokens() == candidate.known &&
                   candidate.num_tokens > 0 && candidate.known > 0 && candidate.seat >= 0,
               name(candidate.sequence) + " is admitted with contradictory numbers");
}

bool MemoryManager::State::does_better_to_wait(const SequenceStart& start) const {
  if (!config.await_shared_prefixes || !found.root_lives) {
    return false;
  }
  const auto rest = std::span<const TokenId>(start.tokens)
                        .subspan(index_of(found.num_whole_blocks() * config.block_size));
  return worth_waiting(promises.num_shared_tokens(found.prefix, rest),
                       static_cast<std::int32_t>(rest.size()));
}

// Null when nobody has to go: it was sacrificed already, and the seat is free.
BlockTable* MemoryManager::State::displaced_by(const Candidate& candidate, std::size_t rank) {
  if (!candidate.displaces) {
    return nullptr;
  }
  auto* table = tables.find(*candidate.displaces);
  if (table == nullptr) {
    return nullptr;
  }
  TROUPE_CHECK(table == tables.find(*candidate.displaces, candidate.seat),
               name(candidate.sequence) + " displaces " + name(*candidate.displaces) +
                   " from another seat than it takes");
  TROUPE_CHECK(table->settling != settling || table->rank > rank,
               name(candidate.sequence) + " displaces one that was served before it");
  return table;
}

Need MemoryManager::State::need_of(const Candidate& entrant) const {
  Need need;
  need.begin =
      found.num_whole_blocks() * config.block_size + (found.copied ? found.copied->num_tokens : 0);
  need.end = chunk_end(need.begin, entrant.known,
                       std::min(entrant.num_tokens, admission_tokens_left), config.block_size);
  need.num_found_blocks = static_cast<std::int32_t>(found.blocks.size());
  need.num_new_blocks = blocks_for(std::max(need.end, entrant.reserve)) - need.num_found_blocks;
  need.num_left_free = proposal->num_headroom_blocks;
  return need;
}

BlockTable& MemoryManager::State::seat(const Candidate& candidate, std::size_t rank) {
  auto& table = tables.take(candidate.seat, candidate.admission);
  table.settling = settling;
  table.rank = rank;
  table.root = store.enter_root(candidate.admission->cache_salt);
  table.num_named_blocks = found.num_whole_blocks();
  table.prefix = table.num_named_blocks > 0 ? found.prefix : table.root;
  return table;
}

bool MemoryManager::State::has_room(const Need& need) const {
  return need.num_new_blocks + need.num_left_free <= store.num_free();
}

// There will be room as soon as this plan's copies are made, without anybody's doing.
bool MemoryManager::State::lacks_only_copied(const Need& need) const {
  return !has_room(need) && need.num_new_blocks + need.num_left_free <= store.num_free_after_plan();
}

bool MemoryManager::State::make_room(const Need& need, std::size_t rank, BlockTable* displaced) {
  const auto wanted = need.num_new_blocks + need.num_left_free;
  if (displaced == nullptr) {
    if (has_room(need)) {
      return true;
    }
    // What is free or could be freed only dwindles during a settling, so a greater demand than one
    // that failed need not be looked into. What was found counts on both sides: holding it takes
    // from either.
    if (wanted >= least_failed_demand) {
      return false;
    }
  }
  if (!sacrifice_for(wanted, rank, displaced)) {
    least_failed_demand = std::min(least_failed_demand, wanted + need.num_found_blocks);
    return false;
  }
  return true;
}

bool MemoryManager::State::sacrifice_for(std::int32_t num_wanted,
                                         std::size_t rank,
                                         BlockTable* displaced) {
  eligible.clear();
  if (displaced != nullptr) {
    eligible.push_back(displaced);
  }
  for (const auto sequence : proposal->victims) {
    auto* table = tables.find(sequence);
    if (table == nullptr || table == displaced) {
      continue;  // sacrificed already, or in any case
    }
    if (table->settling != settling || table->rank > rank) {
      eligible.push_back(table);
    }
  }
  const std::size_t num_doomed = displaced != nullptr ? 1 : 0;
  const auto chosen = sacrifice.choose(eligible, num_doomed, store.pool(), num_wanted);
  for (auto* table : chosen) {
    granted.preempted.push_back(table->sequence);
    ++statistics.num_preemptions;
    vacate(*table, Departure::preempted);
  }
  return !chosen.empty();
}

void MemoryManager::State::grant(const Candidate& candidate, BlockTable& table, const Need& need) {
  const auto samples = need.end == candidate.known;
  plan->rows.push_back(PlanRow{candidate.seat, need.begin, need.end, samples});
  granted.rows.push_back(GrantedRow{candidate.sequence, need.begin, need.end, samples});
  promise(table, need);
  table.computed = need.end;
  name_full_blocks(table, step);
}

// Of a prefill: all that is not named yet, the blocks of this very row among them.
void MemoryManager::State::promise(const BlockTable& table, const Need& need) {
  if (!config.await_shared_prefixes || !config.enable_prefix_caching ||
      need.begin >= table.start->num_tokens()) {
    return;
  }
  const auto first = index_of(table.num_named_blocks * config.block_size);
  promises.promise(table.prefix, std::span<const TokenId>(table.start->tokens).subspan(first));
}

void MemoryManager::State::name_full_blocks(BlockTable& table, StepNumber written) {
  if (!config.enable_prefix_caching) {
    return;
  }
  const auto num_full = std::min(table.computed, table.num_known()) / config.block_size;
  for (; table.num_named_blocks < num_full; ++table.num_named_blocks) {
    const auto begin = table.num_named_blocks * config.block_size;
    const auto tokens = table.tokens(begin, config.block_size, block_tokens);
    const auto block = table.blocks[index_of(table.num_named_blocks)];
    table.prefix = store.name(table.prefix, tokens, block, written);
  }
}

std::int32_t MemoryManager::State::blocks_for(std::int32_t num_positions) const {
  return (num_positions + config.block_size - 1) / config.block_size;
}

void MemoryManager::State::audit() const {
  std::vector<std::int32_t> listed(index_of(store.num_total()), 0);
  std::vector<PrefixId> roots;
  for (const auto& table : tables.all()) {
    audit_table(table);
    if (table.seated()) {
      roots.push_back(table.root);
    }
    for (const auto block : table.blocks) {
      ++listed[index_of(block.value)];
    }
  }
  TROUPE_CHECK(std::ssize(roots) == tables.num_seated(),
               "the index of seats and the seats disagree");
  for (std::int32_t number = 0; number < store.num_total(); ++number) {
    const auto num_listed = listed[index_of(number)];
    TROUPE_CHECK(num_listed == store.pool().references(BlockId{number}),
                 "block " + std::to_string(number) + " has other references than tables");
    TROUPE_CHECK(num_listed <= 1 || store.has_name(BlockId{number}),
                 "block " + std::to_string(number) + " is shared but not full and named");
  }
  store.audit(roots);
}

void MemoryManager::State::audit_table(const BlockTable& table) const {
  TROUPE_CHECK(table.seated() || table.blocks.empty(), "an empty seat holds blocks");
  TROUPE_CHECK(!table.seated() || table.num_blocks() >= blocks_for(table.computed),
               name(table.sequence) + " has computed more than its blocks hold");
  for (std::int32_t place = 0; place < table.num_blocks(); ++place) {
    TROUPE_CHECK(store.has_name(table.blocks[index_of(place)]) == (place < table.num_named_blocks),
                 name(table.sequence) + " does not know which of its blocks have a name");
  }
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
  return state_->store.num_total();
}

std::int32_t MemoryManager::num_free_blocks() const {
  return state_->store.num_free();
}

std::int32_t MemoryManager::num_cached_blocks() const {
  return state_->store.num_idle();
}

const MemoryStatistics& MemoryManager::statistics() const {
  return state_->statistics;
}

void MemoryManager::audit() const {
  state_->audit();
}

}  // namespace troupe
