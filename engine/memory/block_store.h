// The blocks together with what they contain: content outlives its holders, is shared by all that
// begin alike, and may move to the host when the device needs its block. Writes the moves of a
// plan.
#pragma once

#include "engine/base/ids.h"
#include "engine/memory/block_pool.h"
#include "engine/memory/host_tier.h"
#include "engine/memory/memory_config.h"
#include "engine/memory/prefix_cache.h"
#include "engine/memory/salt_roots.h"
#include "engine/memory/swap_choice.h"
#include "engine/step/step.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace troupe {

/// How much of an admission need not be computed, in the order of its positions.
struct FoundPrefix {
  std::vector<BlockId> blocks;           // whole ones, on the device
  std::vector<std::int32_t> host_slots;  // whole ones behind them, to be moved in
  std::optional<BeginningMatch> copied;  // behind those, a part of a block, to be copied
  PrefixId root;                         // of its salt; meaningless while `root_lives` is not set
  bool root_lives = false;               // somebody holds the root of its salt
  PrefixId prefix;                       // the name of all whole blocks found; the root: none

  [[nodiscard]] std::int32_t num_whole_blocks() const {
    return static_cast<std::int32_t>(blocks.size() + host_slots.size());
  }
};

/// Why somebody lets go of his blocks.
enum class Departure : std::uint8_t { ended, preempted };

/// Owned by the memory manager; not thread-safe. Every operation costs O(its blocks), however many
/// there are in all; the audit O(all).
///
/// What is on the device is closed towards the beginning: while content is there, all before it in
/// its chain is too. Whoever is seated holds each named block of his own or a twin of his holds it
/// (see `PrefixCache`), so the chain before a held block is held. Chains are let go from the end,
/// so an idle block became idle before its parent did; the longest idle is taken first, so a parent
/// never goes before its children. The host tier keeps to the same: a parent that leaves the device
/// behind its children follows them, and is touched later than they.
class BlockStore {
 public:
  BlockStore(const MemoryConfig& config, MemoryStatistics& statistics);

  /// Moves go into `plan` from now on, until `end_plan`.
  void begin_plan(StepNumber step, StepPlan& plan);
  /// Sources of the plan's copies and swaps may be given away again.
  void end_plan();

  [[nodiscard]] std::int32_t num_total() const { return pool_.num_total(); }

  [[nodiscard]] std::int32_t num_free() const { return pool_.num_free(); }

  /// What will be free when the plan in the making is made: the sources of its copies too, unless
  /// others hold them. Costs O(copies²).
  [[nodiscard]] std::int32_t num_free_after_plan() const;

  [[nodiscard]] std::int32_t num_idle() const { return pool_.num_idle(); }

  [[nodiscard]] const BlockPool& pool() const { return pool_; }

  /// Fills `found` with the longest prefix that this plan's rows may read. One token is always left
  /// to compute, for its logits.
  void find(const SequenceStart& start, FoundPrefix& found) const;

  /// Keeps what was found from being given away, until the admission takes it or lets it go.
  void hold(const FoundPrefix& found);
  void let_go(const FoundPrefix& found);
  /// Only the part that would be copied is not wanted any more.
  void let_go_copied(FoundPrefix& found);

  /// The blocks of an admission whose prefix is held: `found.blocks`, then new ones with what comes
  /// from the host, then one with the copied part, then blank ones: `count` in all. Checked: so
  /// many are free.
  void fill_table(const FoundPrefix& found, std::int32_t count, std::vector<BlockId>& blocks);

  /// One block with one reference; evicts when none is blank. Checked: one is free.
  [[nodiscard]] BlockId take();

  /// From the last to the first: what stands behind something is given up before it.
  void release(std::span<const BlockId> blocks, Departure departure);

  /// `block`, which is held, contains `tokens` behind `parent`, written by step `written`. Returns
  /// the name of both together.
  PrefixId name(PrefixId parent,
                std::span<const TokenId> tokens,
                BlockId block,
                StepNumber written);

  /// For a sequence that takes or leaves its seat.
  PrefixId enter_root(const std::string& salt) { return roots_.hold(salt, fresh_name()); }

  void leave_root(PrefixId root) { roots_.release(root); }

  [[nodiscard]] bool has_name(BlockId block) const {
    return cache_.contains(block) || cache_.is_twin(block);
  }

  /// For between two plans. `seated`: the roots of those who are seated. Checked: each part for
  /// itself; chains closed on both tiers, parents given up after their children; who holds roots.
  void audit(std::span<const PrefixId> seated) const;

 private:
  PrefixId fresh_name() { return PrefixId{++last_name_}; }

  void find_copied(std::span<const TokenId> rest, FoundPrefix& found) const;
  [[nodiscard]] BlockId evict();
  void move_out(BlockId block);
  void write_out(BlockId block, std::int32_t slot);
  [[nodiscard]] BlockId move_in(std::int32_t slot);
  void release_block(BlockId block);
  [[nodiscard]] bool is_root(PrefixId name) const;
  [[nodiscard]] std::vector<BlockId> named_blocks() const;
  void audit_blocks() const;
  void audit_chains() const;
  void audit_roots(std::span<const PrefixId> seated) const;

  std::int32_t block_size_;
  bool caching_;
  SwapChoice choice_;
  MemoryStatistics& statistics_;
  BlockPool pool_;
  PrefixCache cache_;
  HostTier host_;
  SaltRoots roots_;
  std::uint64_t last_name_ = 0;
  StepNumber step_;
  StepPlan* plan_ = nullptr;
  // By block: who lost it was preempted, and nobody came for it since.
  std::vector<std::uint8_t> left_behind_;
  std::vector<BlockId> copy_sources_;  // of the plan in the making, held until it is made
  // By host slot: which entry of the plan's `swaps_out` wrote it, if it is of this plan.
  std::vector<StepNumber> slot_written_;
  std::vector<std::size_t> slot_write_;
};

}  // namespace troupe
