#include "engine/simulation/workload.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

namespace troupe::simulation {
namespace {

const std::string kHeading = "arrival_s,prompt_tokens,output_tokens\n";

std::string refusal(const std::string& csv) {
  const auto parsed = parse_workload(csv, "list.csv");
  return parsed ? std::string() : parsed.error().message;
}

}  // namespace

TEST_CASE("a list is read with its times, lengths and names of blocks, by arrival") {
  const auto list = parse_workload(
      "arrival_s,prompt_tokens,output_tokens,prefix_hash_ids\r\n"
      "1.5,40,3,7 8\r\n"
      "0,33,2,7 9\r\n\r\n",
      "list.csv");
  REQUIRE(list);

  REQUIRE(list->requests.size() == 2);
  CHECK(list->prefix_block_tokens == 16);
  CHECK(list->requests[0].arrival == Duration::zero());
  CHECK(list->requests[0].num_prompt_tokens == 33);
  CHECK(list->requests[0].prefix_blocks == std::vector<std::int64_t>{7, 9});
  CHECK(list->requests[1].arrival == std::chrono::milliseconds(1500));
  CHECK(list->requests[1].num_output_tokens == 3);
}

TEST_CASE("names for whole blocks alone and for begun ones as well tell the size of a block") {
  const auto heading = "arrival_s,prompt_tokens,output_tokens,prefix_hash_ids\n";
  const auto whole = parse_workload(heading + std::string("0,40,1,1 2\n0,15,1,\n"), "l");
  REQUIRE(whole);
  CHECK(whole->prefix_block_tokens == 16);

  const auto begun =
      parse_workload(heading + std::string("0,513,1,1 2\n0,1,1,3\n0,512,1,4\n"), "l");
  REQUIRE(begun);
  CHECK(begun->prefix_block_tokens == 512);

  CHECK(refusal(heading + std::string("0,8,1,1 2 3\n0,800,1,1\n")).find("fit no block") !=
        std::string::npos);
}

TEST_CASE("a list that is wrong is refused with name, line and reason") {
  CHECK(refusal("").find("list.csv:1:") == 0);
  CHECK(refusal("a,b\n1,2\n").find("list.csv:1:") == 0);
  CHECK(refusal(kHeading + "0,1,1\n0,1\n").find("list.csv:3: 2 fields") == 0);
  CHECK(refusal(kHeading + "x,1,1\n").find("list.csv:2: arrival_s is 'x'") == 0);
  CHECK(refusal(kHeading + "-1,1,1\n").find("list.csv:2: arrival_s") == 0);
  CHECK(refusal(kHeading + "nan,1,1\n").find("list.csv:2: arrival_s") == 0);
  CHECK(refusal(kHeading + "0,0,1\n").find("list.csv:2: prompt_tokens is '0'") == 0);
  CHECK(refusal(kHeading + "0,1,-5\n").find("list.csv:2: output_tokens") == 0);
  CHECK(refusal(kHeading + "0,1,1.5\n").find("list.csv:2: output_tokens") == 0);
  CHECK(refusal(kHeading + "0,99999999999,1\n").find("list.csv:2: prompt_tokens") == 0);
  CHECK(refusal("arrival_s,prompt_tokens,output_tokens,prefix_hash_ids\n0,9,1,1 x\n")
            .find("list.csv:2: prefix_hash_ids") == 0);
  CHECK(refusal(kHeading).empty());
}

TEST_CASE("a list is loaded under its file's name, and a missing one is an error") {
  const auto file = std::filesystem::temp_directory_path() / "troupe_workload_test.csv";
  std::ofstream(file) << kHeading << "0,5,6\n";

  const auto list = load_workload(file);
  REQUIRE(list);
  CHECK(list->name == "troupe_workload_test");
  CHECK(list->requests.size() == 1);
  std::filesystem::remove(file);

  const auto missing = load_workload(file);
  REQUIRE(!missing);
  CHECK(missing.error().code == ErrorCode::not_found);
}

TEST_CASE("prompts are equal where their blocks have the same names, and nowhere else") {
  Workload list;
  list.prefix_block_tokens = 4;
  list.requests.resize(3);
  for (auto& request : list.requests) {
    request.num_prompt_tokens = 11;
  }
  list.requests[0].prefix_blocks = {1, 2};
  list.requests[1].prefix_blocks = {1, 3};
  const auto first = prompt_tokens(list, 0, 50'000);
  const auto second = prompt_tokens(list, 1, 50'000);
  const auto third = prompt_tokens(list, 2, 50'000);

  REQUIRE(first.size() == 11);
  const auto shared = [](const auto& a, const auto& b) {
    return std::ranges::mismatch(a, b).in1 - a.begin();
  };
  CHECK(shared(first, second) == 4);
  CHECK(shared(first, third) == 0);
  CHECK(first == prompt_tokens(list, 0, 50'000));
}

TEST_CASE("a name for a block that the prompt only begins covers what there is of it") {
  Workload list;
  list.prefix_block_tokens = 8;
  list.requests.resize(2);
  list.requests[0].num_prompt_tokens = 5;
  list.requests[1].num_prompt_tokens = 8;
  list.requests[0].prefix_blocks = {6};
  list.requests[1].prefix_blocks = {6};
  const auto begun = prompt_tokens(list, 0, 1000);
  const auto whole = prompt_tokens(list, 1, 1000);

  CHECK(begun == std::vector<TokenId>(whole.begin(), whole.begin() + 5));
}

TEST_CASE("a summary tells mean, spread, sum and longest") {
  const auto summary = summarise({2, 4, 4, 4, 5, 5, 7, 9});

  CHECK(summary.mean == doctest::Approx(5));
  CHECK(summary.sigma == doctest::Approx(2));
  CHECK(summary.longest == 9);
  CHECK(summary.sum == 40);
  CHECK(summarise({}).mean == 0);
}

TEST_CASE("the first of a list are its first, or all of it") {
  Workload list;
  list.requests.resize(5);

  CHECK(first_of(list, 3).requests.size() == 3);
  CHECK(first_of(list, 9).requests.size() == 5);
}

}  // namespace troupe::simulation
