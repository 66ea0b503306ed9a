#include "engine/scheduling/crash_suspects.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace troupe {
namespace {

using Requests = std::vector<RequestId>;
using Groups = std::vector<Requests>;

Requests numbered(std::uint64_t first, std::uint64_t last) {
  Requests requests;
  for (auto number = first; number <= last; ++number) {
    requests.push_back(RequestId{number});
  }
  return requests;
}

TEST_CASE("the requests of a crashed step are retried in halves, in order") {
  CrashSuspects suspects;

  CHECK(suspects.crashed(numbered(1, 5)).empty());

  CHECK(suspects.groups() == Groups{numbered(1, 3), numbered(4, 5)});
}

TEST_CASE("a half that crashes again is halved in its place, the other half keeps waiting") {
  CrashSuspects suspects;
  static_cast<void>(suspects.crashed(numbered(1, 4)));

  static_cast<void>(suspects.crashed(numbered(1, 2)));

  CHECK(suspects.groups() == Groups{numbered(1, 1), numbered(2, 2), numbered(3, 4)});
}

TEST_CASE("a request is given up after two crashed steps in which it ran alone") {
  CrashSuspects suspects;
  static_cast<void>(suspects.crashed(numbered(1, 2)));

  CHECK(suspects.crashed(numbered(1, 1)).empty());
  CHECK(suspects.crashed(numbered(1, 1)) == numbered(1, 1));

  CHECK(suspects.groups() == Groups{numbered(2, 2)});
}

TEST_CASE("a request that gets past the crash starts afresh") {
  CrashSuspects suspects;
  static_cast<void>(suspects.crashed(numbered(1, 1)));

  suspects.clear(numbered(1, 1));

  CHECK(suspects.groups().empty());
  CHECK(suspects.crashed(numbered(1, 1)).empty());
}

TEST_CASE("a crash without requests accuses nobody") {
  CrashSuspects suspects;

  CHECK(suspects.crashed({}).empty());
  CHECK(suspects.groups().empty());
}

TEST_CASE("a request that is named twice is one suspect") {
  CrashSuspects suspects;
  static_cast<void>(suspects.crashed({RequestId{1}, RequestId{1}}));

  CHECK(suspects.groups() == Groups{numbered(1, 1)});
}

TEST_CASE("one poisonous request among many is found in a logarithmic number of crashes") {
  for (std::uint64_t poison = 1; poison <= 128; ++poison) {
    CAPTURE(poison);
    CrashSuspects suspects;
    Requests condemned = suspects.crashed(numbered(1, 128));
    int num_crashes = 1;
    while (condemned.empty()) {
      const auto group = suspects.groups().front();
      if (std::ranges::find(group, RequestId{poison}) == group.end()) {
        suspects.clear(group);
      } else {
        condemned = suspects.crashed(group);
        ++num_crashes;
      }
    }
    REQUIRE(condemned == numbered(poison, poison));
    REQUIRE(num_crashes <= 9);
  }
}

}  // namespace
}  // namespace troupe
