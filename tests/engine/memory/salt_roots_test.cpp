#include "engine/memory/salt_roots.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

TEST_CASE("every salt has a root of its own while somebody holds it") {
  SaltRoots roots;
  const auto alice = roots.hold("alice", PrefixId{1});
  const auto bob = roots.hold("bob", PrefixId{2});
  CHECK(alice == PrefixId{1});
  CHECK(bob == PrefixId{2});
  CHECK(roots.hold("alice", PrefixId{3}) == alice);
  CHECK(roots.num_holders(alice) == 2);

  roots.release(alice);
  CHECK(roots.find("alice") == alice);
  roots.release(alice);

  CHECK_FALSE(roots.find("alice"));
  CHECK(roots.find("bob") == bob);
  CHECK(roots.size() == 1);
}

TEST_CASE("a root that lives again is another one") {
  SaltRoots roots;
  roots.release(roots.hold("alice", PrefixId{1}));

  CHECK(roots.hold("alice", PrefixId{2}) == PrefixId{2});
}

TEST_CASE("without a salt the root always lives, and nobody needs to hold it") {
  SaltRoots roots;
  CHECK(roots.find("") == PrefixId{});
  CHECK(roots.hold("", PrefixId{1}) == PrefixId{});
  roots.release(PrefixId{});

  CHECK(roots.find("") == PrefixId{});
  CHECK(roots.size() == 0);
}

TEST_CASE("a prefix that is no root is not counted") {
  SaltRoots roots;
  const auto root = roots.hold("alice", PrefixId{1});
  roots.hold(PrefixId{7});
  roots.release(PrefixId{7});
  roots.hold(root);

  CHECK(roots.num_holders(PrefixId{7}) == 0);
  CHECK(roots.num_holders(root) == 2);
}

}  // namespace
}  // namespace troupe
