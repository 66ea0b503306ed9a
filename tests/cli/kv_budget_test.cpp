#include "cli/kv_budget.h"

#include <doctest/doctest.h>

namespace troupe::cli {
namespace {

constexpr std::int64_t kGibibyte = std::int64_t{1} << 30;
constexpr std::int64_t kMebibyte = std::int64_t{1} << 20;

KvDemand demand() {
  return {.bytes_per_block = kMebibyte,
          .block_size = 16,
          .max_num_seqs = 4,
          .max_model_len = 160,
          .free_memory_bytes = 64 * kGibibyte,
          .asked_bytes = std::nullopt,
          .asked_blocks = std::nullopt};
}

TEST_CASE("the cache is no larger than all sequences at their longest need") {
  auto wanted = demand();
  CHECK(num_kv_blocks(wanted).value() == 40);

  wanted.max_model_len = 161;
  CHECK(num_kv_blocks(wanted).value() == 44);
}

TEST_CASE("the cache takes a quarter of free memory at most, and 4 GiB at most") {
  auto wanted = demand();
  wanted.max_num_seqs = 4096;
  CHECK(num_kv_blocks(wanted).value() == 4096);

  wanted.free_memory_bytes = 4 * kGibibyte;
  CHECK(num_kv_blocks(wanted).value() == 1024);
}

TEST_CASE("what was asked for wins, blocks before bytes") {
  auto wanted = demand();
  wanted.asked_bytes = 6 * kGibibyte;
  CHECK(num_kv_blocks(wanted).value() == 6144);

  wanted.asked_blocks = 3;
  CHECK(num_kv_blocks(wanted).value() == 3);
}

TEST_CASE("a cache without room for one block is refused with the numbers") {
  auto wanted = demand();
  wanted.asked_bytes = kMebibyte - 1;
  const auto none = num_kv_blocks(wanted);

  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::invalid_value);
  CHECK(none.error().message.find("1 MiB") != std::string::npos);
  wanted.asked_bytes = kMebibyte;
  CHECK(num_kv_blocks(wanted).value() == 1);
}

TEST_CASE("a host tier has the whole blocks that its bytes hold") {
  CHECK(num_host_blocks(0, 100) == 0);
  CHECK(num_host_blocks(99, 100) == 0);
  CHECK(num_host_blocks(250, 100) == 2);
  CHECK(num_host_blocks(INT64_MAX, 1) == INT32_MAX);
}

}  // namespace
}  // namespace troupe::cli
