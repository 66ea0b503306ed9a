#include "cli/did_you_mean.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace troupe::cli {
namespace {

TEST_CASE("a slip of the finger finds the flag that was meant") {
  const std::vector<std::string> names = {"--host", "--port", "--tcp-port", "--max-num-seqs"};

  CHECK(did_you_mean("--prot", names) == "--port");
  CHECK(did_you_mean("--tcpport", names) == "--tcp-port");
  CHECK(did_you_mean("--max-num-seq", names) == "--max-num-seqs");
  CHECK(did_you_mean("--port", names) == "--port");
}

TEST_CASE("a word that is like none of the names finds none") {
  CHECK_FALSE(did_you_mean("--colour", {"--host", "--port"}));
  CHECK_FALSE(did_you_mean("xyz", {"serve", "chat"}));
  CHECK_FALSE(did_you_mean("serve", {}));
}

TEST_CASE("of two names that are as near the earlier one is meant") {
  CHECK(did_you_mean("bat", {"cat", "hat"}) == "cat");
}

}  // namespace
}  // namespace troupe::cli
