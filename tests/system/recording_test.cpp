// A server that records, and the two commands that read what it wrote.
#include "tests/support/temporary_directory.h"
#include "tests/system/served_program.h"
#include "tests/system/wire_client.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace troupe::system_test {
namespace {

using nlohmann::json;

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Few seats and few blocks, so that there is something to tell.
std::vector<std::string> recording_to(const std::string& path) {
  return {"--record",
          path,
          "--max-num-seqs",
          "3",
          "--num-gpu-blocks-override",
          "32",
          "--scheduling-policy",
          "priority"};
}

json story_line(std::int32_t client, std::int32_t priority) {
  auto line = chat_line("q", "Tell me the story of number " + std::to_string(client) + ".", 96);
  line["body"]["ignore_eos"] = true;
  line["body"]["priority"] = priority;
  return line;
}

/// Eight clients at once; the later ones are more urgent.
void crowd(const ServedProgram& server) {
  std::vector<std::thread> clients;
  for (std::int32_t client = 0; client < 8; ++client) {
    clients.emplace_back([&, client] {
      LineConnection line(server.tcp_port());
      line.send(story_line(client, client / 2));
      json end;
      static_cast<void>(line.read_answer("q", end));
    });
  }
  for (auto& client : clients) {
    client.join();
  }
}

Outcome replay(const std::string& path) {
  return run(troupe_program(), {"replay", path});
}

}  // namespace

TEST_CASE("what a server recorded is replayed to identical plans, and each request is explained") {
  const TemporaryDirectory folder;
  const auto path = folder.file("engine.journal");
  {
    ServedProgram server(recording_to(path));
    crowd(server);
    server.process().send_signal(SIGTERM);
    REQUIRE(server.process().wait() == 0);
  }

  const auto replayed = replay(path);
  INFO(replayed.output);
  CHECK(replayed.exit_code == 0);
  CHECK(replayed.output.starts_with("identical: "));
  CHECK(mentions(replayed.output, "complete"));

  const auto list = run(troupe_program(), {"explain", path});
  CHECK(list.exit_code == 0);
  CHECK(mentions(list.output, "finished"));
  bool anybody_waited = false;
  for (std::int32_t request = 1; request <= 8; ++request) {
    CAPTURE(request);
    const auto story = run(troupe_program(), {"explain", path, std::to_string(request)});
    INFO(story.output);
    CHECK(story.exit_code == 0);
    CHECK(mentions(story.output, "enqueued: "));
    CHECK(mentions(story.output, "admitted"));
    CHECK(mentions(story.output, "ended (length) after 96 tokens"));
    anybody_waited = anybody_waited || mentions(story.output, "waits: ");
  }
  CHECK(anybody_waited);

  const auto machine = run(troupe_program(), {"explain", path, "3", "--json"});
  const auto story = json::parse(machine.output);
  CHECK(story["request"] == 3);
  CHECK(story["lines"].front()["event"] == "enqueued");
  CHECK(story["lines"].back()["event"] == "ended");
  CHECK(story["lines"].back()["output_tokens"] == 96);

  const auto unknown = run(troupe_program(), {"explain", path, "99"});
  CHECK(unknown.exit_code == 2);
  CHECK(mentions(unknown.output, "request 99 is not in the journal; 8 are: 1, 2, 3"));
}

TEST_CASE("the journal of a server that was killed is replayed as far as it was written") {
  const TemporaryDirectory folder;
  const auto path = folder.file("engine.journal");
  {
    ServedProgram server(recording_to(path));
    crowd(server);
    LineConnection line(server.tcp_port());
    line.send(story_line(9, 0));
    static_cast<void>(line.receive());
    server.process().send_signal(SIGKILL);
    REQUIRE(server.process().wait() == 128 + SIGKILL);
  }

  const auto replayed = replay(path);

  INFO(replayed.output);
  CHECK(replayed.exit_code == 0);
  CHECK(replayed.output.starts_with("identical: "));
  CHECK_FALSE(mentions(replayed.output, "complete"));
}

TEST_CASE("a file that is no journal, or was damaged, is refused in one line") {
  const TemporaryDirectory folder;
  const auto none = replay(folder.file("none"));
  CHECK(none.exit_code == 2);
  CHECK(mentions(none.output, "cannot open"));
  const auto text = folder.file("text");
  std::ofstream(text) << "{\"not\": \"a journal at all\"}";
  const auto not_one = replay(text);
  CHECK(not_one.exit_code == 2);
  CHECK(mentions(not_one.output, "no journal"));

  const auto path = folder.file("engine.journal");
  {
    ServedProgram server({"--record", path});
    LineConnection line(server.tcp_port());
    line.send(story_line(1, 0));
    json end;
    static_cast<void>(line.read_answer("q", end));
  }
  std::ifstream file(path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  REQUIRE(bytes.size() > 1000);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  const auto damaged_path = folder.file("damaged");
  std::ofstream(damaged_path, std::ios::binary) << bytes;

  const auto damaged = replay(damaged_path);

  INFO(damaged.output);
  CHECK(damaged.exit_code == 1);
  CHECK(mentions(damaged.output, "damaged: record "));
}

TEST_CASE("a server writes over no journal") {
  const TemporaryDirectory folder;
  const auto path = folder.file("engine.journal");
  std::ofstream(path) << "precious";

  const auto outcome = run(troupe_program(), {"serve", demo_model(), "--port", "0", "--tcp-port",
                                              "off", "--record", path});

  CHECK(outcome.exit_code == 1);
  CHECK(mentions(outcome.output, path + ": File exists"));
  std::ifstream file(path);
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == "precious");
}

}  // namespace troupe::system_test
