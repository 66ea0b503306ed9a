#include "engine/step/chunking.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

TEST_CASE("a chunk that is not the last ends where a block ends") {
  CHECK(chunk_end(0, 100, 35, 16) == 32);
  CHECK(chunk_end(32, 100, 20, 16) == 48);
  CHECK(chunk_end(5, 100, 12, 16) == 16);
}

TEST_CASE("the last chunk ends with the tokens") {
  CHECK(chunk_end(0, 35, 35, 16) == 35);
  CHECK(chunk_end(32, 35, 64, 16) == 35);
}

TEST_CASE("a budget that reaches no border of a block is used all the same") {
  CHECK(chunk_end(0, 100, 5, 16) == 5);
  CHECK(chunk_end(16, 100, 15, 16) == 31);
  CHECK(chunk_end(3, 100, 1, 16) == 4);
}

TEST_CASE("without a budget a chunk is empty") {
  CHECK(chunk_end(7, 100, 0, 16) == 7);
  CHECK(chunk_end(7, 100, -3, 16) == 7);
}

}  // namespace
}  // namespace troupe
