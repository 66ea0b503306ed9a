#include "cli/study_lists.h"

#include "cli/progress_bar.h"
#include "engine/simulation/published_lists.h"

#include "tests/support/temporary_directory.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <utility>

namespace troupe::cli {
namespace {

std::string write(const TemporaryDirectory& folder,
                  const std::string& name,
                  const std::string& rows) {
  std::ofstream(folder.path() / name) << "arrival_s,prompt_tokens,output_tokens\n" << rows;
  return (folder.path() / name).string();
}

}  // namespace

TEST_CASE("without a folder, lists like the published ones are made up") {
  const auto lists = study_lists({});
  REQUIRE(lists);

  REQUIRE(lists->size() == simulation::published_lists().size());
  CHECK((*lists)[0].name == "azure2023_conv");
  CHECK((*lists)[0].requests.size() == 19'366);
}

TEST_CASE("with a folder, the lists that are there are read") {
  const TemporaryDirectory folder;
  write(folder, "heavy_tail_256.csv", "0,5,6\n");
  const auto lists = study_lists({folder.path().string(), {}, 0});
  REQUIRE(lists);

  REQUIRE(lists->size() == 1);
  CHECK((*lists)[0].requests.size() == 1);
}

TEST_CASE("a folder without any list says which names it looked for") {
  const TemporaryDirectory folder;
  const auto lists = study_lists({folder.path().string(), {}, 0});

  REQUIRE(!lists);
  CHECK(lists.error().code == ErrorCode::not_found);
  CHECK(lists.error().message.find("azure2023_conv") != std::string::npos);
}

TEST_CASE("a list is asked for by file, or by a known name") {
  const TemporaryDirectory folder;
  const auto file = write(folder, "mine.csv", "0,5,6\n1,7,8\n");
  const auto lists = study_lists({"", {file, "sharegpt_llama318b"}, 0});
  REQUIRE(lists);

  REQUIRE(lists->size() == 2);
  CHECK((*lists)[0].name == "mine");
  CHECK((*lists)[1].requests.size() == 300);
}

TEST_CASE("a list that nobody knows, one that is wrong and one that is empty are errors") {
  const TemporaryDirectory folder;

  const auto unknown = study_lists({"", {"hearsay"}, 0});
  REQUIRE(!unknown);
  CHECK(unknown.error().code == ErrorCode::not_found);
  CHECK(unknown.error().message.find("hearsay") != std::string::npos);

  const auto wrong = study_lists({"", {write(folder, "wrong.csv", "0,5\n")}, 0});
  REQUIRE(!wrong);
  CHECK(wrong.error().message.find(":2:") != std::string::npos);

  CHECK(!study_lists({"", {write(folder, "empty.csv", "")}, 0}));
}

TEST_CASE("a list is made smaller in proportion, and never below one token") {
  simulation::Workload list;
  for (const auto& [prompt, output] :
       {std::pair{1000, 10}, std::pair{1, 1000}, std::pair{500, 5}}) {
    simulation::WorkloadRequest request;
    request.num_prompt_tokens = prompt;
    request.num_output_tokens = output;
    list.requests.push_back(request);
  }
  const auto small = shrink(list, 2, 200);

  REQUIRE(small.requests.size() == 2);
  CHECK(small.requests[0].num_prompt_tokens == 100);
  CHECK(small.requests[0].num_output_tokens == 1);
  CHECK(small.requests[1].num_prompt_tokens == 1);
  CHECK(small.requests[1].num_output_tokens == 100);
  CHECK(shrink(list, 9, 5000).requests[2].num_prompt_tokens == 500);
}

TEST_CASE("a progress line fills from left to right and stays within its bar") {
  CHECK(progress_line(0, "a", 4) == "[    ]   0 % a");
  CHECK(progress_line(0.5, "a", 4) == "[==  ]  50 % a");
  CHECK(progress_line(1, "a", 4) == "[====] 100 % a");
  CHECK(progress_line(7, "a", 4) == "[====] 100 % a");
  CHECK(progress_line(0.999, "a", 4) == "[=== ]  99 % a");
}

}  // namespace troupe::cli
