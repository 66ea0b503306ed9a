// Results that wait for their clients: how long, how many, and who has to go.
#include "engine/gateway/finished_store.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace troupe {
namespace {

constexpr auto kAge = std::chrono::seconds(100);

TimePoint at(std::int64_t seconds) {
  return TimePoint(std::chrono::seconds(seconds));
}

std::shared_ptr<const RequestAccount> ended(std::uint64_t id, std::size_t text_bytes = 0) {
  RequestAccount account;
  account.request = RequestId{id};
  Delta delta;
  delta.text = std::string(text_bytes, 'x');
  account.output.append(delta);
  account.end = Finished{};
  return std::make_shared<const RequestAccount>(std::move(account));
}

std::size_t size_of(std::size_t text_bytes) {
  return num_bytes(*ended(0, text_bytes));
}

}  // namespace

TEST_CASE("a result is there until its age, and not at it") {
  FinishedStore store({.max_age = kAge});
  CHECK_FALSE(store.next_expiry());

  store.put(ended(1), {}, at(0));

  CHECK(store.next_expiry() == at(100));
  CHECK(store.find(RequestId{1}, at(99))->request == RequestId{1});
  CHECK(store.find(RequestId{1}, at(100)) == nullptr);
  CHECK(store.find(RequestId{2}, at(0)) == nullptr);
  store.expire(at(99));
  CHECK(store.size() == 1);
  store.expire(at(100));
  CHECK(store.size() == 0);
  CHECK(store.num_bytes() == 0);
  CHECK_FALSE(store.next_expiry());
}

TEST_CASE("a request may ask for a longer life of its result, and not for a shorter one") {
  FinishedStore store({.max_age = kAge});
  store.put(ended(1), std::chrono::seconds(300), at(0));
  store.put(ended(2), std::chrono::seconds(1), at(10));

  CHECK(store.next_expiry() == at(110));
  store.expire(at(200));

  CHECK(store.find(RequestId{1}, at(200)) != nullptr);
  CHECK(store.find(RequestId{2}, at(10)) == nullptr);
  CHECK(store.next_expiry() == at(300));
}

TEST_CASE("without an age only what was asked for is kept") {
  FinishedStore store({.max_age = Duration::zero()});
  store.put(ended(1), {}, at(0));
  store.put(ended(2), kAge, at(0));

  CHECK(store.size() == 1);
  CHECK(store.find(RequestId{2}, at(50)) != nullptr);
}

TEST_CASE("a store that is exactly full keeps everybody; one byte more drops the oldest end") {
  FinishedStore full({.max_age = kAge, .max_bytes = 2 * size_of(100)});
  full.put(ended(1, 100), std::chrono::hours(1), at(0));
  full.put(ended(2, 100), {}, at(1));
  CHECK(full.size() == 2);
  CHECK(full.num_bytes() == 2 * size_of(100));
  full.put(ended(3, 0), {}, at(2));
  CHECK(full.find(RequestId{1}, at(2)) == nullptr);
  CHECK(full.find(RequestId{2}, at(2)) != nullptr);

  FinishedStore over({.max_age = kAge, .max_bytes = 2 * size_of(100) - 1});
  over.put(ended(1, 100), {}, at(0));
  over.put(ended(2, 100), {}, at(1));
  CHECK(over.find(RequestId{1}, at(1)) == nullptr);
  CHECK(over.num_bytes() == size_of(100));
}

TEST_CASE("a result larger than the store is not kept, and drops nobody") {
  FinishedStore store({.max_age = kAge, .max_bytes = size_of(100)});
  store.put(ended(1), {}, at(0));

  store.put(ended(2, 101), {}, at(0));
  CHECK(store.find(RequestId{2}, at(0)) == nullptr);
  CHECK(store.find(RequestId{1}, at(0)) != nullptr);
  store.put(ended(3, 100), {}, at(0));
  CHECK(store.find(RequestId{3}, at(0)) != nullptr);
}

TEST_CASE("a request is put once, and only when it has ended") {
  FinishedStore store({});
  store.put(ended(1), {}, at(0));

  CHECK_THROWS_AS(store.put(ended(1), {}, at(1)), InvariantViolation);
  CHECK_THROWS_AS(store.put(std::make_shared<RequestAccount>(), {}, at(0)), InvariantViolation);
}

namespace {

// The same store as a list that is walked.
class NaiveStore {
 public:
  explicit NaiveStore(FinishedLimits limits) : limits_(limits) {}

  void put(std::uint64_t id, std::size_t bytes, Duration retain, TimePoint now) {
    if (bytes > limits_.max_bytes) {
      return;
    }
    while (total() + bytes > limits_.max_bytes) {
      entries_.pop_front();
    }
    entries_.push_back({id, bytes, now + std::max<Duration>(limits_.max_age, retain)});
  }

  void expire(TimePoint now) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.expiry <= now; });
  }

  [[nodiscard]] bool contains(std::uint64_t id, TimePoint now) const {
    return std::ranges::any_of(
        entries_, [&](const Entry& entry) { return entry.id == id && entry.expiry > now; });
  }

  [[nodiscard]] std::size_t total() const {
    std::size_t bytes = 0;
    for (const auto& entry : entries_) {
      bytes += entry.bytes;
    }
    return bytes;
  }

  [[nodiscard]] std::optional<TimePoint> next_expiry() const {
    std::optional<TimePoint> first;
    for (const auto& entry : entries_) {
      first = first ? std::min(*first, entry.expiry) : entry.expiry;
    }
    return first;
  }

 private:
  struct Entry {
    std::uint64_t id;
    std::size_t bytes;
    TimePoint expiry;
  };

  FinishedLimits limits_;
  std::deque<Entry> entries_;  // in the order of their ends
};

}  // namespace

TEST_CASE("whatever comes, the store agrees with a list that is walked") {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const FinishedLimits limits{.max_age = kAge, .max_bytes = 3000 + random() % 3000};
    FinishedStore store(limits);
    NaiveStore naive(limits);
    std::int64_t now = 0;
    std::uint64_t num_requests = 0;
    for (int operation = 0; operation < 200; ++operation) {
      now += static_cast<std::int64_t>(random() % 30);
      if (random() % 3 > 0) {
        const auto text_bytes = random() % 2500;
        const auto retain = std::chrono::seconds(random() % 300);
        store.put(ended(++num_requests, text_bytes), retain, at(now));
        naive.put(num_requests, size_of(text_bytes), retain, at(now));
      } else {
        store.expire(at(now));
        naive.expire(at(now));
      }
      REQUIRE(store.num_bytes() == naive.total());
      REQUIRE(store.num_bytes() <= limits.max_bytes);
      REQUIRE(store.next_expiry() == naive.next_expiry());
      for (std::uint64_t id = 1; id <= num_requests; ++id) {
        REQUIRE((store.find(RequestId{id}, at(now)) != nullptr) == naive.contains(id, at(now)));
      }
    }
  }
}

}  // namespace troupe
