#include "tests/support/naive_contents.h"

#include "engine/base/check.h"

#include <algorithm>

namespace troupe::test {
namespace {

std::string name(const NaiveLog& log) {
  return "sequence " + std::to_string(log.sequence.value);
}

bool same_beginning(const NaiveLog& one, const NaiveLog& other, std::int32_t count) {
  return std::ssize(one.tokens) >= count && std::ssize(other.tokens) >= count &&
         one.salt == other.salt &&
         std::equal(one.tokens.begin(), one.tokens.begin() + count, other.tokens.begin());
}

template <class From, class To, class Source, class Target>
void transfer(const From& from, Source source, To& to, Target target) {
  const auto content = from.find(source);
  TROUPE_CHECK(content != from.end(), "a move of what was never written");
  to[target] = content->second;
}

}  // namespace

void NaiveContents::play(const StepPlan& plan, const std::vector<NaiveRow>& rows) {
  move(plan);
  for (const auto& row : rows) {
    read(row);
  }
  for (const auto& row : rows) {
    write(row);
  }
}

void NaiveContents::move(const StepPlan& plan) {
  for (const auto& swap : plan.swaps_out) {
    TROUPE_CHECK(std::ranges::count(plan.swaps_out, swap.host_slot, &BlockSwap::host_slot) == 1,
                 "a host slot is written twice");
    transfer(blocks_, swap.block, slots_, swap.host_slot);
  }
  for (const auto& swap : plan.swaps_in) {
    transfer(slots_, swap.host_slot, blocks_, swap.block);
  }
  for (const auto& copy : plan.copies) {
    transfer(blocks_, copy.from, blocks_, copy.to);
  }
}

void NaiveContents::read(const NaiveRow& row) const {
  for (std::int32_t place = 0; place * block_size_ < row.begin; ++place) {
    const auto end = std::min((place + 1) * block_size_, row.begin);
    const auto found = blocks_.find(row.blocks.at(static_cast<std::size_t>(place)));
    TROUPE_CHECK(found != blocks_.end(), name(*row.log) + " reads what was never written");
    const auto& content = found->second;
    TROUPE_CHECK(content.end >= end && content.end > place * block_size_,
                 name(*row.log) + " reads further than was written");
    TROUPE_CHECK(content.log == row.log || same_beginning(*content.log, *row.log, end),
                 name(*row.log) + " reads what " + name(*content.log) + " wrote");
  }
}

void NaiveContents::write(const NaiveRow& row) {
  for (auto place = row.begin / block_size_; place * block_size_ < row.end; ++place) {
    blocks_[row.blocks.at(static_cast<std::size_t>(place))] =
        Content{row.log, std::min((place + 1) * block_size_, row.end)};
  }
}

}  // namespace troupe::test
