// The inputs from which the fuzzer of journals starts, and those that it found, replayed.
#include "tests/fuzz/journal_input.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace troupe::test {

TEST_CASE("every input of the journal fuzzer's corpus is replayed to its end") {
  const auto folder = std::filesystem::path(TROUPE_SOURCE_DIR) / "tests/fuzz/corpus/journal";
  int num_inputs = 0;
  std::int64_t num_plans = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    CAPTURE(entry.path().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string input(std::istreambuf_iterator<char>(file), {});
    const auto report = play(input);
    CHECK(report.num_bytes > 0);
    num_plans += report.agreements.num_plans;
    ++num_inputs;
  }
  CHECK(num_inputs >= 5);
  CHECK(num_plans > 0);
}

}  // namespace troupe::test
