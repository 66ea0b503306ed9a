#include "engine/memory/host_tier.h"

#include "engine/base/check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace troupe {
namespace {

using Tokens = std::vector<TokenId>;

constexpr PrefixId kNothing{};

std::int32_t store(HostTier& host, PrefixId parent, const Tokens& tokens, std::uint64_t name) {
  const auto stored = host.store({parent, tokens, PrefixId{name}});
  REQUIRE(stored);
  return stored->slot;
}

TEST_CASE("content is found on the host by its tokens, its prefix and its name") {
  HostTier host(2, 2);
  const auto first = store(host, kNothing, {1, 2}, 7);
  const auto second = store(host, PrefixId{7}, {3, 4}, 8);

  CHECK(host.find(kNothing, Tokens{1, 2}) == first);
  CHECK(host.find(PrefixId{7}, Tokens{3, 4}) == second);
  CHECK_FALSE(host.find(PrefixId{8}, Tokens{3, 4}));
  CHECK(host.content(second).name == PrefixId{8});
  CHECK(host.has_children(PrefixId{7}));
  CHECK_FALSE(host.has_children(PrefixId{8}));
}

TEST_CASE("the slot that was not touched for the longest time is given up first") {
  HostTier host(2, 1);
  const auto first = store(host, kNothing, {1}, 1);
  const auto second = store(host, PrefixId{1}, {2}, 2);
  host.touch(first);

  const auto stored = host.store({kNothing, Tokens{3}, PrefixId{3}});

  REQUIRE(stored);
  CHECK(stored->slot == second);
  CHECK(stored->forgotten_parent == PrefixId{1});
  CHECK_FALSE(host.find(PrefixId{1}, Tokens{2}));
  CHECK_FALSE(host.has_children(PrefixId{1}));
}

TEST_CASE("a slot that a plan reads keeps its content until the plan is made") {
  HostTier host(2, 1);
  const auto first = store(host, kNothing, {1}, 1);
  const auto second = store(host, PrefixId{1}, {2}, 2);
  host.read(first);
  host.read(second);

  CHECK_FALSE(host.store({kNothing, Tokens{3}, PrefixId{3}}));
  CHECK_THROWS_AS(host.stop_reading(first), InvariantViolation);
  CHECK_THROWS_AS(host.audit(), InvariantViolation);
  host.end_plan();
  host.audit();

  CHECK(host.slots_in_order() == std::vector{second, first});
  CHECK(store(host, kNothing, {3}, 3) == second);
}

TEST_CASE("a tier without slots stores nothing") {
  HostTier host(0, 1);

  CHECK_FALSE(host.store({kNothing, Tokens{1}, PrefixId{1}}));
  CHECK_FALSE(host.find(kNothing, Tokens{1}));
}

TEST_CASE("whatever is done to the host tier, it forgets in the order of a plain list") {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    HostTier host(static_cast<std::int32_t>(1 + random() % 5), 1);
    std::deque<TokenId> order;  // the next to go first
    std::set<TokenId> reading;
    std::vector<std::int32_t> read;
    TokenId last = 0;
    for (int operation = 0; operation < 100; ++operation) {
      const auto choice = random() % 4;
      if (choice == 0) {
        const auto full =
            order.size() + reading.size() == static_cast<std::size_t>(host.num_slots());
        const auto stored =
            host.store({kNothing, Tokens{++last}, PrefixId{static_cast<std::uint64_t>(last)}});
        REQUIRE(stored.has_value() == (!full || !order.empty()));
        if (full && !order.empty()) {
          order.pop_front();
        }
        if (stored) {
          order.push_back(last);
        }
      } else if (choice == 1 && !order.empty()) {
        const auto place = static_cast<std::ptrdiff_t>(random() % order.size());
        const auto token = order[static_cast<std::size_t>(place)];
        order.erase(order.begin() + place);
        read.push_back(host.find(kNothing, Tokens{token}).value());
        host.read(read.back());
        reading.insert(token);
      } else if (choice == 2 && !order.empty()) {
        const auto token = order.front();
        order.pop_front();
        order.push_back(token);
        host.touch(host.find(kNothing, Tokens{token}).value());
      } else if (choice == 3) {
        host.end_plan();
        for (auto slot = read.rbegin(); slot != read.rend(); ++slot) {
          order.push_back(host.content(*slot).tokens.front());
        }
        read.clear();
        reading.clear();
        host.audit();
      }
      for (const auto token : order) {
        REQUIRE(host.find(kNothing, Tokens{token}));
      }
      REQUIRE(host.size() == static_cast<std::int32_t>(order.size() + reading.size()));
    }
  }
}

}  // namespace
}  // namespace troupe
