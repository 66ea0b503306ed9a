#include "engine/memory/recency_list.h"

#include "engine/base/check.h"

#include <string>

namespace troupe {

RecencyList::RecencyList(std::int32_t count) : head_(count) {
  TROUPE_CHECK(count >= 0, "a list of " + std::to_string(count));
  previous_.assign(at(count) + 1, kNoLink);
  next_.assign(at(count) + 1, kNoLink);
  previous_.back() = head_;
  next_.back() = head_;
}

void RecencyList::link(std::int32_t index) {
  TROUPE_CHECK(!contains(index), std::to_string(index) + " is linked already");
  const auto last = previous_[at(head_)];
  previous_[at(index)] = last;
  next_[at(index)] = head_;
  next_[at(last)] = index;
  previous_[at(head_)] = index;
  ++size_;
}

void RecencyList::unlink(std::int32_t index) {
  TROUPE_CHECK(contains(index), std::to_string(index) + " is not linked");
  next_[at(previous_[at(index)])] = next_[at(index)];
  previous_[at(next_[at(index)])] = previous_[at(index)];
  next_[at(index)] = kNoLink;
  previous_[at(index)] = kNoLink;
  --size_;
}

std::optional<std::int32_t> RecencyList::oldest() const {
  return size_ > 0 ? std::optional(next_[at(head_)]) : std::nullopt;
}

std::vector<std::int32_t> RecencyList::all() const {
  std::vector<std::int32_t> linked;
  for (auto index = next_[at(head_)]; index != head_; index = next_[at(index)]) {
    linked.push_back(index);
    TROUPE_CHECK(std::ssize(linked) <= size_, "more are linked than counted");
  }
  TROUPE_CHECK(std::ssize(linked) == size_, "fewer are linked than counted");
  return linked;
}

}  // namespace troupe
