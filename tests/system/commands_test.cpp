// The other commands as a person or a script uses them.
#include "tests/system/served_program.h"

#include <doctest/doctest.h>

#include <string>

namespace troupe::system_test {
namespace {

TEST_CASE("chat answers each line of a pipe, and remembers until it is told to forget") {
  ServedProgram server;

  const auto outcome = run(troupe_program(),
                           {"chat", "--temperature", "0", "--max-tokens", "32", "--url",
                            "127.0.0.1:" + std::to_string(server.tcp_port())},
                           "What is the capital of France?\n/reset\nWhat is the capital of "
                           "Italy?\n/quit\n");

  CHECK(outcome.exit_code == 0);
  CHECK(outcome.output.find("Paris") != std::string::npos);
  CHECK(outcome.output.find("Rome") != std::string::npos);
}

TEST_CASE("chat says when nobody answers") {
  const auto outcome = run(troupe_program(), {"chat", "--url", "127.0.0.1:1"}, "hello\n");

  CHECK(outcome.exit_code == 1);
  CHECK(outcome.output.find("troupe serve") != std::string::npos);
}

TEST_CASE("complete needs no server, and gives the same text as one") {
  ServedProgram server;
  const std::string question = "What is the capital of France?";

  const auto here = run(troupe_program(), {"complete", "--model", demo_model(), "--temperature",
                                           "0", "--max-tokens", "24", "--chat", question});
  const auto there = run(troupe_program(),
                         {"complete", "--url", "127.0.0.1:" + std::to_string(server.tcp_port()),
                          "--temperature", "0", "--max-tokens", "24", "--chat"},
                         question);

  CHECK(here.exit_code == 0);
  CHECK(there.exit_code == 0);
  CHECK(here.output.find("Paris") != std::string::npos);
  CHECK(here.output == there.output);
}

TEST_CASE("a client that knows the line protocol alone gets an answer") {
  ServedProgram server;

  const auto outcome =
      run(std::string(TROUPE_BINARY_DIR) + "/bin/chat_client",
          {"127.0.0.1", std::to_string(server.tcp_port()), "What is the capital of France?"});

  CHECK(outcome.exit_code == 0);
  CHECK(outcome.output.find("Paris") != std::string::npos);
  CHECK(outcome.output.find("tokens, ended by \"stop\"") != std::string::npos);
}

TEST_CASE("the help names every command, and a command's help its flags") {
  const auto program = run(troupe_program(), {"--help"});
  CHECK(program.exit_code == 0);
  for (const auto* command : {"serve", "chat", "complete", "bench", "version"}) {
    CHECK(program.output.find(command) != std::string::npos);
  }

  const auto serve = run(troupe_program(), {"serve", "--help"});
  CHECK(serve.exit_code == 0);
  for (const auto* flag :
       {"--port", "--tcp-port", "--max-model-len", "--max-num-seqs", "--kv-cache-memory-bytes",
        "--drain-timeout", "--no-enable-prefix-caching"}) {
    INFO(flag);
    CHECK(serve.output.find(flag) != std::string::npos);
  }
}

TEST_CASE("the ring can be measured without a device") {
  const auto outcome = run(troupe_program(), {"bench", "ring", "--model", demo_model(),
                                              "--num-seqs", "1,8", "--num-tokens", "50"});

  CHECK(outcome.exit_code == 0);
  CHECK(outcome.output.find("plan to plan") != std::string::npos);
}

}  // namespace
}  // namespace troupe::system_test
