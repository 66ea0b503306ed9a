#include "cli/command_line.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace troupe::cli {
namespace {

// A program with one command and one number, as the real ones are made.
struct SmallProgram {
  SmallProgram() {
    program.allow_extras();
    auto* serve = program.add_subcommand("serve");
    add_number(*serve, "--max-num-seqs", max_num_seqs, "", {1, 4096});
    name_environment(program);
  }

  void parse(std::string arguments) { program.parse(std::move(arguments)); }

  CLI::App program{"", "troupe"};
  std::int32_t max_num_seqs = 128;
};

TEST_CASE("a number on the command line may have a suffix, and wins over the environment") {
  SmallProgram small;
  setenv("TROUPE_MAX_NUM_SEQS", "7", 1);

  small.parse("serve --max-num-seqs 2K");
  CHECK(small.max_num_seqs == 2048);

  SmallProgram other;
  other.parse("serve");
  CHECK(other.max_num_seqs == 7);
  unsetenv("TROUPE_MAX_NUM_SEQS");
}

TEST_CASE("a number outside its bounds is refused") {
  SmallProgram small;
  CHECK_THROWS_AS(small.parse("serve --max-num-seqs 0"), CLI::ValidationError);
  CHECK_THROWS_AS(small.parse("serve --max-num-seqs 5k"), CLI::ValidationError);
  CHECK_THROWS_AS(small.parse("serve --max-num-seqs x"), CLI::ValidationError);
}

TEST_CASE("a flag or a command that does not exist is answered with the one that was meant") {
  const auto answer_to = [](const char* arguments) {
    SmallProgram small;
    small.parse(arguments);
    const auto checked = check_leftovers(small.program);
    return checked ? std::string() : checked.error().message;
  };

  CHECK(answer_to("serve").empty());
  CHECK(answer_to("serve --max-nun-seqs=3").find("did you mean --max-num-seqs?") !=
        std::string::npos);
  CHECK(answer_to("serve --colour").find("see troupe serve --help") != std::string::npos);
  CHECK(answer_to("sevre").find("did you mean serve?") != std::string::npos);
  CHECK(answer_to("serve one").find("one word too many") != std::string::npos);
}

}  // namespace
}  // namespace troupe::cli
