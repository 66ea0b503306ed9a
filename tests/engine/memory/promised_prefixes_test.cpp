#include "engine/memory/promised_prefixes.h"

#include <doctest/doctest.h>

#include <vector>

namespace troupe {
namespace {

using Tokens = std::vector<TokenId>;

TEST_CASE("a promise covers the whole blocks that are the same, behind the same prefix") {
  PromisedPrefixes promises(2);
  const Tokens promised{1, 2, 3, 4, 5, 6, 7};
  promises.promise(PrefixId{9}, promised);

  CHECK(promises.num_shared_tokens(PrefixId{9}, Tokens{1, 2, 3, 4, 5, 0}) == 4);
  CHECK(promises.num_shared_tokens(PrefixId{9}, Tokens{1, 2, 3, 4, 5, 6, 7, 8}) == 6);
  CHECK(promises.num_shared_tokens(PrefixId{9}, Tokens{1, 2}) == 2);
  CHECK(promises.num_shared_tokens(PrefixId{9}, Tokens{1}) == 0);
  CHECK(promises.num_shared_tokens(PrefixId{9}, Tokens{1, 3, 3, 4}) == 0);
  CHECK(promises.num_shared_tokens(PrefixId{8}, promised) == 0);
  promises.clear();
  CHECK(promises.num_shared_tokens(PrefixId{9}, promised) == 0);
}

TEST_CASE("less than a block is no promise, and the first who promises a block keeps it") {
  PromisedPrefixes promises(2);
  const Tokens shorter{1};
  const Tokens first{1, 2, 3, 4};
  const Tokens second{1, 2, 5, 6};
  promises.promise(PrefixId{}, shorter);
  promises.promise(PrefixId{}, first);
  promises.promise(PrefixId{}, second);

  CHECK(promises.num_shared_tokens(PrefixId{}, first) == 4);
  CHECK(promises.num_shared_tokens(PrefixId{}, second) == 2);
}

TEST_CASE("waiting is worth an eighth of what is left to compute") {
  CHECK(worth_waiting(16, 128));
  CHECK_FALSE(worth_waiting(16, 129));
  CHECK_FALSE(worth_waiting(0, 8));
  CHECK(worth_waiting(16, 16));
  CHECK_FALSE(worth_waiting(1, 1));  // its last token is computed in any case
}

}  // namespace
}  // namespace troupe
