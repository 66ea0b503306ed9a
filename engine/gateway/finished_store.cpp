#include "engine/gateway/finished_store.h"

#include "engine/base/check.h"

#include <algorithm>

namespace troupe {

void FinishedStore::put(std::shared_ptr<const RequestAccount> account,
                        Duration retain,
                        TimePoint now) {
  TROUPE_CHECK(account->has_ended(), "a request that has not ended is no result");
  TROUPE_CHECK(!serials_.contains(account->request), "a request's result is kept already");
  const auto age = std::max(limits_.max_age, retain);
  const auto bytes = troupe::num_bytes(*account);
  if (age <= Duration::zero() || bytes > limits_.max_bytes) {
    return;
  }
  while (num_bytes_ > limits_.max_bytes - bytes) {
    drop(entries_.begin()->first);
  }
  const auto serial = next_serial_++;
  serials_.emplace(account->request, serial);
  expiries_.emplace(now + age, serial);
  num_bytes_ += bytes;
  entries_.emplace(serial, Entry{std::move(account), bytes, now + age});
}

std::shared_ptr<const RequestAccount> FinishedStore::find(RequestId request, TimePoint now) const {
  const auto found = serials_.find(request);
  if (found == serials_.end()) {
    return nullptr;
  }
  const auto& entry = entries_.at(found->second);
  return entry.expiry > now ? entry.account : nullptr;
}

void FinishedStore::expire(TimePoint now) {
  while (!expiries_.empty() && expiries_.begin()->first <= now) {
    drop(expiries_.begin()->second);
  }
}

std::optional<TimePoint> FinishedStore::next_expiry() const {
  if (expiries_.empty()) {
    return std::nullopt;
  }
  return expiries_.begin()->first;
}

void FinishedStore::drop(Serial serial) {
  const auto found = entries_.find(serial);
  const auto& entry = found->second;
  num_bytes_ -= entry.bytes;
  expiries_.erase({entry.expiry, serial});
  serials_.erase(entry.account->request);
  entries_.erase(found);
}

}  // namespace troupe
