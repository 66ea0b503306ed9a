// How the program ends: by signals, and by command lines that cannot be carried out.
#include "tests/system/served_program.h"
#include "tests/system/wire_client.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace troupe::system_test {
namespace {

using nlohmann::json;

// A folder of its own, gone with the test.
class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              ("troupe-test-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }

  ~Folder() { std::filesystem::remove_all(path_); }

  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

json endless_line(const std::string& id) {
  auto message = chat_line(id, "Tell me a story.", 400);
  message["body"]["ignore_eos"] = true;
  return message;
}

TEST_CASE("an idle server leaves at once when it is asked to") {
  ServedProgram server;

  server.process().send_signal(SIGTERM);

  CHECK(server.process().wait() == 0);
}

TEST_CASE("what runs when SIGTERM comes is answered to its end") {
  ServedProgram server;
  std::vector<LineConnection> lines;
  for (int i = 0; i < 8; ++i) {
    lines.emplace_back(server.tcp_port());
    lines.back().send(endless_line("s"));
    CHECK(lines.back().receive()["ev"] == "accepted");
  }

  server.process().send_signal(SIGTERM);

  for (auto& line : lines) {
    json end;
    CHECK_FALSE(line.read_answer("s", end).empty());
    CHECK(end["ev"] == "done");
    CHECK(end["usage"]["completion_tokens"] == 400);
  }
  CHECK(server.process().wait() == 0);
}

TEST_CASE("a second signal ends what still runs with an error") {
  ServedProgram server({"--max-num-seqs", "1"});
  LineConnection line(server.tcp_port());
  for (int i = 0; i < 64; ++i) {
    line.send(endless_line(numbered("s", i)));
  }
  CHECK(line.receive()["ev"] == "accepted");

  server.process().send_signal(SIGTERM);
  server.process().send_signal(SIGINT);

  int num_ends = 0;
  int num_errors = 0;
  for (auto event = line.receive(); !event.is_null(); event = line.receive()) {
    num_errors += event["ev"] == "error" ? 1 : 0;
    num_ends += event["ev"] == "done" || event["ev"] == "error" ? 1 : 0;
  }
  CHECK(num_errors > 0);
  CHECK(num_ends == 64);
  CHECK(server.process().wait() == 0);
}

TEST_CASE("a command line that cannot be carried out ends with 2 and says why") {
  const auto slip = run(troupe_program(), {"serve", "--prot", "9000"});
  CHECK(slip.exit_code == 2);
  CHECK(slip.output.find("--port") != std::string::npos);

  const auto command = run(troupe_program(), {"serv"});
  CHECK(command.exit_code == 2);
  CHECK(command.output.find("serve") != std::string::npos);

  const auto number = run(troupe_program(), {"serve", "--max-num-seqs", "many"});
  CHECK(number.exit_code == 2);

  const auto nowhere = run(troupe_program(), {"serve", "/no/such/model", "--port", "0"});
  CHECK(nowhere.exit_code == 2);
  CHECK(nowhere.output.find("/no/such/model") != std::string::npos);
}

TEST_CASE("a port that somebody else has is named, and the exit code is 2") {
  ServedProgram server;

  const auto second = run(
      troupe_program(),
      {"serve", demo_model(), "--port", std::to_string(server.http_port()), "--tcp-port", "off"});

  CHECK(second.exit_code == 2);
  CHECK(second.output.find(std::to_string(server.http_port())) != std::string::npos);
}

TEST_CASE("a model that cannot be used ends with 3 and one line") {
  const Folder folder;
  std::ofstream(folder.path() / "config.json") << "{\"architectures\": [\"LlamaForCausalLM\"]}";

  const auto outcome = run(troupe_program(), {"serve", folder.path().string(), "--port", "0",
                                              "--tcp-port", "off", "--log-level", "off"});

  CHECK(outcome.exit_code == 3);
  CHECK(outcome.output.find("config.json") != std::string::npos);
  CHECK(outcome.output.find('\n') == outcome.output.size() - 1);
}

TEST_CASE("the ports are written to a file for whoever started the server") {
  const Folder folder;
  const auto file = folder.path() / "ports";
  ServedProgram server({"--ports-file", file.string()});

  std::ifstream ports(file);
  std::string http;
  std::string tcp;
  std::uint16_t http_port = 0;
  std::uint16_t tcp_port = 0;
  ports >> http >> http_port >> tcp >> tcp_port;

  CHECK(http == "http");
  CHECK(http_port == server.http_port());
  CHECK(tcp == "tcp");
  CHECK(tcp_port == server.tcp_port());
}

}  // namespace
}  // namespace troupe::system_test
