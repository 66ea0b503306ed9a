// The accounts of requests that have ended, for clients that come back: kept for a time and within
// a number of bytes. Reads no clock; who owns it wakes it at `next_expiry`.
#pragma once

#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/gateway/request_account.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

namespace troupe {

struct FinishedLimits {
  Duration max_age = std::chrono::minutes(5);      // zero: nothing is kept without `retain`
  std::size_t max_bytes = std::size_t{64} << 20U;  // of all accounts together; 0: nothing is kept
};

/// Owned by the archive actor; not thread-safe.
class FinishedStore {
 public:
  explicit FinishedStore(FinishedLimits limits) : limits_(limits) {}

  /// Keeps `account`, which has ended (checked) and is not kept already (checked), for `retain` but
  /// not less than the usual age. Makes room by dropping those that ended first. One that is larger
  /// than the whole store is not kept.
  void put(std::shared_ptr<const RequestAccount> account, Duration retain, TimePoint now);

  /// The account of `request`, or null: never put, dropped, or due by `now`.
  [[nodiscard]] std::shared_ptr<const RequestAccount> find(RequestId request, TimePoint now) const;

  /// Drops what is due by `now`.
  void expire(TimePoint now);

  /// When the next account is due; none while the store is empty.
  [[nodiscard]] std::optional<TimePoint> next_expiry() const;

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  [[nodiscard]] std::size_t num_bytes() const { return num_bytes_; }

 private:
  using Serial = std::uint64_t;  // counts the accounts in the order of their ends

  struct Entry {
    std::shared_ptr<const RequestAccount> account;
    std::size_t bytes = 0;
    TimePoint expiry;
  };

  void drop(Serial serial);

  FinishedLimits limits_;
  std::map<Serial, Entry> entries_;
  std::unordered_map<RequestId, Serial> serials_;
  std::set<std::pair<TimePoint, Serial>> expiries_;
  Serial next_serial_ = 0;
  std::size_t num_bytes_ = 0;
};

}  // namespace troupe
