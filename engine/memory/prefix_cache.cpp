#include "engine/memory/prefix_cache.h"

#include "engine/base/check.h"

#include <algorithm>
#include <string>

namespace troupe {
namespace {

// A copy is worth its while from a quarter of a block on: less is computed sooner than the plan
// gets longer by a copy.
constexpr std::int32_t kMinBeginningParts = 4;

// Of thousands of prompts that begin alike so many are compared. The latest are the likeliest: a
// conversation goes on from what was said last.
constexpr std::int32_t kMaxLooks = 8;

std::string name_of(BlockId block) {
  return "block " + std::to_string(block.value);
}

}  // namespace

PrefixCache::PrefixCache(std::int32_t num_blocks, std::int32_t block_size)
    : index_(num_blocks, block_size),
      beginnings_(num_blocks, std::max(block_size / kMinBeginningParts, 1)) {
  const auto count = static_cast<std::size_t>(num_blocks);
  written_.resize(count);
  for (std::int32_t block = 0; block < num_blocks; ++block) {
    next_twin_.push_back(BlockId{block});
  }
  previous_twin_ = next_twin_;
}

std::optional<BlockId> PrefixCache::find(PrefixId parent, std::span<const TokenId> tokens) const {
  const auto place = index_.find(parent, tokens);
  return place ? std::optional(BlockId{*place}) : std::nullopt;
}

std::optional<BeginningMatch> PrefixCache::longest_beginning(PrefixId parent,
                                                             std::span<const TokenId> tokens,
                                                             StepNumber step) const {
  std::optional<BeginningMatch> best;
  auto place = beginnings_.latest(parent, tokens);
  for (std::int32_t looks = 0; place >= 0 && looks < kMaxLooks; ++looks) {
    const auto content = index_.content(place);
    const auto [mine, theirs] = std::ranges::mismatch(content.tokens, tokens);
    const auto num_same = static_cast<std::int32_t>(mine - content.tokens.begin());
    const auto least = best ? best->num_tokens + 1 : beginnings_.num_key_tokens();
    const BlockId block{place};
    if (content.parent == parent && num_same >= least && written(block) < step) {
      best = BeginningMatch{block, num_same};
    }
    place = beginnings_.before(place);
  }
  return best;
}

void PrefixCache::insert(const NamedTokens& content, BlockId block, StepNumber written) {
  TROUPE_CHECK(!has_twins(block), name_of(block) + " is a twin of another");
  index_.insert(content, block.value);
  beginnings_.insert(block.value, content.parent, content.tokens);
  written_[at(block)] = written;
}

void PrefixCache::add_twin(BlockId bearer, BlockId twin, StepNumber written) {
  TROUPE_CHECK(contains(bearer) && !contains(twin) && !has_twins(twin),
               name_of(twin) + " cannot become a twin of " + name_of(bearer));
  const auto next = next_twin_[at(bearer)];
  next_twin_[at(twin)] = next;
  previous_twin_[at(twin)] = bearer;
  previous_twin_[at(next)] = twin;
  next_twin_[at(bearer)] = twin;
  written_[at(twin)] = written;
}

void PrefixCache::drop_twin(BlockId twin) {
  TROUPE_CHECK(is_twin(twin), name_of(twin) + " is no twin");
  const auto next = next_twin_[at(twin)];
  const auto previous = previous_twin_[at(twin)];
  next_twin_[at(previous)] = next;
  previous_twin_[at(next)] = previous;
  next_twin_[at(twin)] = twin;
  previous_twin_[at(twin)] = twin;
}

void PrefixCache::hand_on(BlockId bearer) {
  TROUPE_CHECK(contains(bearer) && has_twins(bearer), name_of(bearer) + " has no twin");
  const auto heir = next_twin_[at(bearer)];
  const auto content = index_.content(bearer.value);
  index_.erase(bearer.value);
  beginnings_.erase(bearer.value);
  drop_twin(bearer);
  index_.insert(content, heir.value);
  beginnings_.insert(heir.value, content.parent, content.tokens);
}

void PrefixCache::erase(BlockId block) {
  TROUPE_CHECK(!has_twins(block), name_of(block) + " is given up, but a twin needs its name");
  index_.erase(block.value);
  beginnings_.erase(block.value);
}

void PrefixCache::audit() const {
  index_.audit();
  for (std::int32_t number = 0; number < index_.num_places(); ++number) {
    const BlockId first{number};
    auto num_bearers = contains(first) ? 1 : 0;
    TROUPE_CHECK(next_twin_[at(previous_twin_[at(first)])] == first, "a ring of twins is broken");
    for (auto block = next_twin_[at(first)]; block != first; block = next_twin_[at(block)]) {
      num_bearers += contains(block) ? 1 : 0;
    }
    TROUPE_CHECK(!has_twins(first) || num_bearers == 1,
                 std::to_string(num_bearers) + " blocks bear one name");
  }
}

}  // namespace troupe
