#include "engine/memory/host_tier.h"

#include "engine/base/check.h"

#include <string>

namespace troupe {

HostTier::HostTier(std::int32_t num_slots, std::int32_t block_size)
    : index_(num_slots, block_size), order_(num_slots) {
  for (auto slot = num_slots; slot-- > 0;) {
    blank_.push_back(slot);
  }
}

std::optional<std::int32_t> HostTier::find(PrefixId parent, std::span<const TokenId> tokens) const {
  return index_.find(parent, tokens);
}

std::optional<HostTier::Stored> HostTier::store(const NamedTokens& content) {
  Stored stored;
  if (!blank_.empty()) {
    stored.slot = blank_.back();
    blank_.pop_back();
  } else if (const auto oldest = order_.oldest()) {
    stored.slot = *oldest;
    stored.forgotten_parent = index_.content(*oldest).parent;
    forget(*oldest);
  } else {
    return std::nullopt;
  }
  index_.insert(content, stored.slot);
  ++num_children_[content.parent];
  order_.link(stored.slot);
  return stored;
}

void HostTier::forget(std::int32_t slot) {
  const auto children = num_children_.find(index_.content(slot).parent);
  if (--children->second == 0) {
    num_children_.erase(children);
  }
  index_.erase(slot);
  order_.unlink(slot);
}

void HostTier::touch(std::int32_t slot) {
  order_.unlink(slot);
  order_.link(slot);
}

void HostTier::read(std::int32_t slot) {
  order_.unlink(slot);
  reading_.push_back(slot);
}

void HostTier::stop_reading(std::int32_t slot) {
  TROUPE_CHECK(!reading_.empty() && reading_.back() == slot,
               "slot " + std::to_string(slot) + " is not the latest that is read");
  reading_.pop_back();
  order_.link(slot);
}

void HostTier::end_plan() {
  for (; !reading_.empty(); reading_.pop_back()) {
    order_.link(reading_.back());
  }
}

void HostTier::audit() const {
  index_.audit();
  TROUPE_CHECK(reading_.empty(), "slots are still being read");
  std::vector<std::int32_t> places(static_cast<std::size_t>(num_slots()), 0);
  for (const auto slot : blank_) {
    ++places[static_cast<std::size_t>(slot)];
    TROUPE_CHECK(!index_.contains(slot), "a blank slot has an entry");
  }
  std::unordered_map<PrefixId, std::int32_t> children;
  for (const auto slot : order_.all()) {
    ++places[static_cast<std::size_t>(slot)];
    TROUPE_CHECK(index_.contains(slot), "a slot in use has no entry");
    ++children[index_.content(slot).parent];
  }
  for (const auto count : places) {
    TROUPE_CHECK(count == 1, "a slot is not in exactly one place");
  }
  TROUPE_CHECK(children == num_children_, "children are counted wrong");
}

}  // namespace troupe
