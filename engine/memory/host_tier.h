// What the host's part of the memory holds: content that left the device and may come back. Keeps
// names and order; the bytes are the worker's.
#pragma once

#include "engine/memory/prefix_index.h"
#include "engine/memory/recency_list.h"

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Owned by the block store; not thread-safe. A slot is in one place: blank, in the order in which
/// slots are given up, or being read by the plan in the making. Every operation costs
/// O(block_size), `end_plan` O(slots read).
class HostTier {
 public:
  HostTier(std::int32_t num_slots, std::int32_t block_size);

  /// The slot that holds `tokens` behind `parent`. Checked: one block of tokens.
  [[nodiscard]] std::optional<std::int32_t> find(PrefixId parent,
                                                 std::span<const TokenId> tokens) const;

  [[nodiscard]] NamedTokens content(std::int32_t slot) const { return index_.content(slot); }

  /// Something stands behind this prefix.
  [[nodiscard]] bool has_children(PrefixId prefix) const { return num_children_.contains(prefix); }

  /// A place for a block that leaves the device: blank, or the one that was not touched for the
  /// longest time, whose content is forgotten. Nothing when all are being read. Checked: the
  /// content is not here.
  struct Stored {
    std::int32_t slot = 0;
    std::optional<PrefixId> forgotten_parent;  // of the content that was there before
  };

  [[nodiscard]] std::optional<Stored> store(const NamedTokens& content);

  /// The slot will be the last that is given up. Not for one that is being read.
  void touch(std::int32_t slot);

  /// The plan in the making reads the slot: it keeps its content until `end_plan` or
  /// `stop_reading`.
  void read(std::int32_t slot);
  /// Undoes the latest `read`, of this slot.
  void stop_reading(std::int32_t slot);
  /// Whoever was read becomes the latest, the last that was read first: whoever reads a chain reads
  /// it from its beginning, and what stands behind something must be given up before it.
  void end_plan();

  [[nodiscard]] std::int32_t size() const { return index_.size(); }

  [[nodiscard]] std::int32_t num_slots() const { return index_.num_places(); }

  /// The slots in use, the one that is given up next first. Costs O(slots); for audits.
  [[nodiscard]] std::vector<std::int32_t> slots_in_order() const { return order_.all(); }

  /// Checked: every slot is in one place, and children are counted right. For between two plans.
  void audit() const;

 private:
  void forget(std::int32_t slot);

  PrefixIndex index_;
  RecencyList order_;
  std::vector<std::int32_t> blank_;    // a stack
  std::vector<std::int32_t> reading_;  // in the order of `read`
  std::unordered_map<PrefixId, std::int32_t> num_children_;
};

}  // namespace troupe
