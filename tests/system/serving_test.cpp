// The whole program over real sockets: both protocols, many clients, cancels, idleness.
#include "tests/system/served_program.h"
#include "tests/system/wire_client.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <barrier>
#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace troupe::system_test {
namespace {

using nlohmann::json;

constexpr std::int64_t kSecondInNanoseconds = 1'000'000'000;

json chat_body(const std::string& question) {
  const json message = {{"role", "user"}, {"content", question}};
  return {{"messages", json::array({message})}, {"temperature", 0}, {"max_tokens", 48}};
}

std::string streamed_text(const HttpResponse& response) {
  std::string text;
  for (const auto& event : events_of(response)) {
    for (const auto& choice : event["choices"]) {
      text += choice["delta"].value("content", "");
    }
  }
  return text;
}

TEST_CASE("an answer is the same whole, as a stream of events, and over the line protocol") {
  ServedProgram server;
  const std::string question = "What is the capital of France?";

  const auto whole = post(server.http_port(), "/v1/chat/completions", chat_body(question));
  auto body = chat_body(question);
  body["stream"] = true;
  const auto stream = post(server.http_port(), "/v1/chat/completions", body);
  LineConnection line(server.tcp_port());
  line.send(chat_line("a", question, 48));
  json end;
  const auto line_text = line.read_answer("a", end);

  REQUIRE(whole.status == 200);
  const auto answer = json::parse(whole.body);
  const std::string text = answer["choices"][0]["message"]["content"];
  CHECK(text.find("Paris") != std::string::npos);
  CHECK(answer["usage"]["completion_tokens"].get<int>() > 0);
  CHECK(stream.status == 200);
  CHECK(streamed_text(stream) == text);
  CHECK(line_text == text);
  CHECK(end["ev"] == "done");
}

TEST_CASE("health, models and version are told once the model is loaded") {
  ServedProgram server({"--served-model-name", "little"});

  CHECK(get(server.http_port(), "/health").status == 200);
  CHECK(get(server.http_port(), "/nowhere").status == 404);
  const auto models = json::parse(get(server.http_port(), "/v1/models").body);
  CHECK(models["data"][0]["id"] == "little");
  CHECK(get(server.http_port(), "/version").status == 200);
}

struct Question {
  std::string text;
  std::int32_t max_tokens = 0;
};

// Prompts and answers of different lengths.
std::vector<Question> sixteen_questions() {
  const std::vector<std::string> subjects = {"France", "a pangolin", "the sea", "7 plus 5"};
  std::vector<Question> questions;
  for (std::int32_t i = 0; i < 16; ++i) {
    std::string text = "Tell me about " + subjects[static_cast<std::size_t>(i) % subjects.size()];
    for (std::int32_t repeat = 0; repeat < i; ++repeat) {
      text += ", and once more";
    }
    questions.push_back({text + ".", 32 + 8 * i});
  }
  return questions;
}

// `ignore_eos`, so that all of them run for as long as they were told to.
json long_chat_line(const Question& question) {
  auto message = chat_line("q", question.text, question.max_tokens);
  message["body"]["ignore_eos"] = true;
  return message;
}

TEST_CASE("sixteen clients at once share steps, and each hears what it would hear alone") {
  ServedProgram server;
  const auto questions = sixteen_questions();
  std::vector<std::string> alone;
  for (const auto& question : questions) {
    LineConnection line(server.tcp_port());
    line.send(long_chat_line(question));
    json end;
    alone.push_back(line.read_answer("q", end));
    REQUIRE(end["ev"] == "done");
  }
  const auto steps_alone = metric(server.http_port(), "troupe:iterations_total");
  const auto num_steps_above_8 = [&server] {
    const std::string buckets = "troupe:iteration_sequences_bucket";
    return metric(server.http_port(), buckets, "le=\"+Inf\"") -
           metric(server.http_port(), buckets, "le=\"8\"");
  };
  REQUIRE(num_steps_above_8() == 0.0);

  std::vector<std::string> together(questions.size());
  std::barrier ready(static_cast<std::ptrdiff_t>(questions.size()));
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    clients.emplace_back([&, i] {
      LineConnection line(server.tcp_port());
      ready.arrive_and_wait();
      line.send(long_chat_line(questions[i]));
      json end;
      together[i] = line.read_answer("q", end);
    });
  }
  for (auto& client : clients) {
    client.join();
  }

  CHECK(together == alone);
  CHECK(num_steps_above_8() > 0.0);
  const auto steps_together = metric(server.http_port(), "troupe:iterations_total") - steps_alone;
  CHECK(steps_together < steps_alone / 2);
}

// Requests that are under way, by their ids; their ends are counted.
class CancelStorm {
 public:
  CancelStorm(LineConnection& line, std::uint32_t seed) : line_(line), random_(seed) {}

  void start_one() {
    const auto id = numbered("r", num_started_++);
    auto message = chat_line(id, numbered("Tell me a story, number ", num_started_), 200);
    message["body"]["ignore_eos"] = true;
    line_.send(message);
    live_[id] = static_cast<std::int32_t>(random_() % 30);
    if (live_[id] == 0) {
      cancel(id);
    }
  }

  // Takes one event; a request is cancelled when it has heard as many as were drawn for it.
  void take_event() {
    const auto event = line_.receive();
    REQUIRE_FALSE(event.is_null());
    const auto id = event.value("id", "");
    const auto kind = event.value("ev", "");
    INFO("event: ", event.dump());
    if (event.dump().find("not_found_error") != std::string::npos && !live_.contains(id)) {
      return;  // our cancel met the request's end half-way
    }
    REQUIRE(live_.contains(id));  // nothing of a request comes after its end
    if (kind == "done" || kind == "error") {
      num_cancelled_ += event.dump().find("\"cancelled\"") != std::string::npos ? 1 : 0;
      live_.erase(id);
    } else if (--live_[id] == 0) {
      cancel(id);
    }
  }

  [[nodiscard]] std::size_t num_live() const { return live_.size(); }

  [[nodiscard]] std::int32_t num_started() const { return num_started_; }

  [[nodiscard]] std::int32_t num_cancelled() const { return num_cancelled_; }

 private:
  void cancel(const std::string& id) { line_.send({{"op", "cancel"}, {"id", id}}); }

  LineConnection& line_;
  std::mt19937 random_;
  std::map<std::string, std::int32_t> live_;  // events to hear before the cancel
  std::int32_t num_started_ = 0;
  std::int32_t num_cancelled_ = 0;
};

TEST_CASE("after a thousand cancels at random moments every block is home") {
  constexpr std::int32_t kRequests = 1000;
  constexpr std::size_t kAtOnce = 32;
  const std::uint32_t seed = 7;
  CAPTURE(seed);
  ServedProgram server;
  LineConnection line(server.tcp_port());
  CancelStorm storm(line, seed);

  while (storm.num_started() < kRequests || storm.num_live() > 0) {
    if (storm.num_started() < kRequests && storm.num_live() < kAtOnce) {
      storm.start_one();
    } else {
      storm.take_event();
    }
  }

  CHECK(storm.num_cancelled() > kRequests / 2);
  // The steps in flight give the last blocks back; one more answer is later than they.
  json end;
  line.send(chat_line("last", "Hello!", 8));
  CHECK_FALSE(line.read_answer("last", end).empty());
  // Each question costs the server a whole exchange, so a few of them see the last release.
  double used = -1.0;
  for (int question = 0; question < 200 && used != 0.0; ++question) {
    used = metric(server.http_port(), "troupe:kv_blocks", "state=\"used\"") +
           metric(server.http_port(), "troupe:num_requests_running");
  }
  CHECK(used == 0.0);
}

TEST_CASE("an idle server leaves the processor alone") {
  ServedProgram server;
  CHECK(post(server.http_port(), "/v1/chat/completions", chat_body("Hello!")).status == 200);
  CHECK(get(server.http_port(), "/health").status == 200);

  // The one test that watches a clock: what is measured is the use of a resource over time.
  const auto before = server.process().cpu_nanoseconds();
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const auto used = server.process().cpu_nanoseconds() - before;

  CHECK(used < kSecondInNanoseconds / 100);
}

}  // namespace
}  // namespace troupe::system_test
