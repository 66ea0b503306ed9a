#include "engine/scheduling/suspect_groups.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

TEST_CASE("the first group with a suspect who is here has its turn") {
  SuspectGroups groups({{RequestId{1}, RequestId{2}}, {RequestId{3}}});

  CHECK(groups.first() == kEverybody);
  CHECK(groups.arrive(RequestId{3}) == 1);
  CHECK(groups.first() == 1);
  CHECK(groups.arrive(RequestId{2}) == 0);
  CHECK(groups.first() == 0);
}

TEST_CASE("a group's turn ends when all of its suspects who are here are cleared") {
  SuspectGroups groups({{RequestId{1}, RequestId{2}, RequestId{9}}});
  groups.arrive(RequestId{1});
  groups.arrive(RequestId{2});

  CHECK(groups.clear(RequestId{1}));
  CHECK(groups.first() == 0);
  CHECK(groups.clear(RequestId{2}));

  CHECK(groups.first() == kEverybody);
}

TEST_CASE("a request is cleared once, and one that is no suspect never") {
  SuspectGroups groups({{RequestId{1}}});

  CHECK(groups.clear(RequestId{1}));
  CHECK_FALSE(groups.clear(RequestId{1}));
  CHECK_FALSE(groups.clear(RequestId{5}));
  CHECK(groups.arrive(RequestId{5}) == kEverybody);
  CHECK(groups.arrive(RequestId{1}) == kEverybody);
}

TEST_CASE("a suspect who arrives again with a new attempt counts once") {
  SuspectGroups groups({{RequestId{1}}});
  groups.arrive(RequestId{1});
  groups.arrive(RequestId{1});

  groups.clear(RequestId{1});

  CHECK(groups.first() == kEverybody);
}

}  // namespace
}  // namespace troupe
