// Clients that come back: for a stream that goes on, and for a result that is kept. Whatever the
// order of messages and whoever dies, nothing comes twice and nothing is lost but old results.
#include "actors/archive_actor.h"
#include "actors/caf_door.h"
#include "actors/router_actor.h"

#include "tests/support/actor_stage.h"
#include "tests/support/tiny_company.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace troupe {
namespace {

// What one client hears over all its connections to one request.
class Client {
 public:
  explicit Client(ActorStage& stage) : stage_(stage) {}

  // Comes back with what it has, on a new connection.
  void reconnect(RequestId request) {
    auto line = std::make_shared<Line>();
    line->num_places = num_places();
    lines_.push_back(line);
    caf::anon_send(stage_.company(), AttachSink{request, num_places(), line});
  }

  // The connection breaks: what comes over it from now on is not heard.
  void hang_up() {
    if (!lines_.empty()) {
      lines_.back()->is_open = false;
    }
  }

  [[nodiscard]] std::int32_t num_places() const {
    return lines_.empty() ? 0 : lines_.back()->num_places;
  }

  [[nodiscard]] std::vector<TokenId> tokens() const {
    std::vector<TokenId> all;
    for (const auto& line : lines_) {
      all.insert(all.end(), line->tokens.begin(), line->tokens.end());
    }
    return all;
  }

  [[nodiscard]] const Event* end() const {
    return lines_.empty() || !lines_.back()->end ? nullptr : &*lines_.back()->end;
  }

  // True when each line but the last has heard that it was replaced, and the last one its end.
  [[nodiscard]] bool every_line_ended_once() const {
    bool once = true;
    for (const auto& line : lines_) {
      once = once && line->num_ends == 1 && !line->after_end;
    }
    return once;
  }

  [[nodiscard]] std::size_t num_lines() const { return lines_.size(); }

 private:
  struct Line : EventSink {
    bool is_open = true;
    std::int32_t num_places = 0;  // of the client when it hears something
    std::vector<TokenId> tokens;
    std::optional<Event> end;
    int num_ends = 0;
    bool after_end = false;

    void deliver(Event event) noexcept override {
      after_end = after_end || num_ends > 0;
      const bool last =
          std::holds_alternative<Finished>(event) || std::holds_alternative<Failed>(event);
      num_ends += last ? 1 : 0;
      if (!is_open) {
        return;
      }
      if (const auto* accepted = std::get_if<Accepted>(&event)) {
        after_end = after_end || accepted->skipped.num_places != num_places;
      } else if (const auto* delta = std::get_if<Delta>(&event)) {
        num_places += troupe::num_places(*delta);
        tokens.insert(tokens.end(), delta->tokens.begin(), delta->tokens.end());
      } else if (last) {
        end = std::move(event);
      }
    }
  };

  ActorStage& stage_;
  std::vector<std::shared_ptr<Line>> lines_;
};

using Fetched = std::shared_ptr<std::optional<Result<RequestSnapshot>>>;

Fetched fetch(ActorStage& stage, RequestId request) {
  auto answer = std::make_shared<std::optional<Result<RequestSnapshot>>>();
  caf::anon_send(stage.company(), FetchRequest{request, [answer](Result<RequestSnapshot> snapshot) {
                                                 CHECK_FALSE(answer->has_value());
                                                 answer->emplace(std::move(snapshot));
                                               }});
  return answer;
}

Result<RequestSnapshot> fetch_now(ActorStage& stage, RequestId request) {
  const auto answer = fetch(stage, request);
  stage.run();
  REQUIRE(answer->has_value());
  return **answer;
}

GenerateRequest request_of(std::int32_t max_tokens) {
  GenerateRequest request{.model = "", .prompt = TokenPrompt{{1, 2, 3}}, .sampling = {}};
  request.sampling.max_tokens = max_tokens;
  request.sampling.ignore_eos = true;
  return request;
}

bool has_timers(ActorStage& stage) {
  auto& scheduler = dynamic_cast<caf::scheduler::test_coordinator&>(stage.system().scheduler());
  return scheduler.clock().has_pending_timeout();
}

ArchiveState& archive_of(ActorStage& stage) {
  return *ActorStage::state_of<ArchiveState>(stage.company_state().archive);
}

void run_until_output(ActorStage& stage, RequestId request) {
  while (stage.heard(request).tokens.empty()) {
    REQUIRE(stage.step());
  }
}

}  // namespace

TEST_CASE("a request can be asked for while it runs and after its end") {
  ActorStage stage(tiny_company(tiny_backend()), 1);
  const auto id = stage.submit(request_of(9));
  const auto early = fetch(stage, id);
  run_until_output(stage, id);
  const auto middle = fetch_now(stage, id);

  const auto late = fetch_now(stage, id);

  REQUIRE(early->has_value());
  CHECK((*early)->value().phase == RequestPhase::queued);
  REQUIRE(middle);
  REQUIRE(late);
  CHECK(late->phase == RequestPhase::finished);
  CHECK(late->model == "tiny");
  CHECK(late->output.tokens == expected_of(request_of(9), 64).tokens);
  CHECK(late->usage.num_output_tokens == 9);
  CHECK(late->finished->reason == FinishReason::length);
  CHECK(fetch_now(stage, RequestId{99}).error().code == ErrorCode::not_found);
}

TEST_CASE(
    "clients that break off and come back at any moment hear exactly their request's tokens") {
  std::int32_t num_live = 0;
  std::int32_t num_ended = 0;
  std::int32_t num_twice = 0;
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    ActorStage stage(tiny_company(tiny_backend()), seed);
    std::vector<GenerateRequest> requests;
    std::vector<RequestId> ids;
    std::vector<Client> clients;
    constexpr std::size_t kRequests = 6;
    while (ids.size() < kRequests || stage.step()) {
      const auto dice = stage.random()() % 100;
      if (ids.size() < kRequests && dice < 10) {
        requests.push_back(any_request(stage.random()));
        ids.push_back(stage.submit(requests.back()));
        clients.emplace_back(stage).reconnect(ids.back());
      } else if (!ids.empty() && dice >= 90) {
        const auto who = stage.random()() % ids.size();
        clients[who].hang_up();
        if (dice >= 93) {
          const auto is_live = stage.company_state().live.contains(ids[who]);
          num_live += is_live ? 1 : 0;
          num_ended += is_live ? 0 : 1;
          num_twice += clients[who].num_lines() > 2 ? 1 : 0;
          clients[who].reconnect(ids[who]);
        }
      }
      if (ids.size() < kRequests) {
        stage.step();
      }
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      CAPTURE(i);
      clients[i].hang_up();
      clients[i].reconnect(ids[i]);
      stage.run();
      const auto expected = expected_of(requests[i], 64);
      CHECK(clients[i].tokens() == expected.tokens);
      CHECK(clients[i].every_line_ended_once());
      REQUIRE(clients[i].end() != nullptr);
      REQUIRE(std::holds_alternative<Finished>(*clients[i].end()));
      CHECK(std::get<Finished>(*clients[i].end()).reason == expected.reason);
      CHECK(stage.heard(ids[i]).num_ends() == 1);
    }
    CHECK(stage.company_state().live.empty());
    CHECK(stage.company_state().archive_visits.empty());
  }
  CHECK(num_live > 100);
  CHECK(num_ended > 100);
  CHECK(num_twice > 100);
}

TEST_CASE("whoever takes a stream up takes it from the one before") {
  ActorStage stage(tiny_company(tiny_backend()), 2);
  const auto id = stage.submit(request_of(40));
  run_until_output(stage, id);
  Client client(stage);
  client.reconnect(id);

  stage.run();

  CHECK(client.tokens() == expected_of(request_of(40), 64).tokens);
  REQUIRE(stage.heard(id).failed.size() == 1);
  CHECK(stage.heard(id).failed[0].error.code == ErrorCode::cancelled);
}

TEST_CASE("a place that the stream has not reached is refused, and the stream goes on as it was") {
  ActorStage stage(tiny_company(tiny_backend()), 3);
  const auto id = stage.submit(request_of(40));
  run_until_output(stage, id);
  auto sink = std::make_shared<std::vector<Event>>();

  struct Collector : EventSink {
    explicit Collector(std::shared_ptr<std::vector<Event>> into) : events(std::move(into)) {}

    void deliver(Event event) noexcept override { events->push_back(std::move(event)); }

    std::shared_ptr<std::vector<Event>> events;
  };

  caf::anon_send(stage.company(), AttachSink{id, 1000, std::make_shared<Collector>(sink)});

  stage.run();

  REQUIRE(sink->size() == 1);
  CHECK(std::get<Failed>(sink->front()).error.code == ErrorCode::invalid_value);
  CHECK(stage.heard(id).finished.size() == 1);
  CHECK(stage.heard(id).tokens == expected_of(request_of(40), 64).tokens);
}

TEST_CASE("results go when their time has come, by a timer of their own, and then there is none") {
  ActorStage stage(tiny_company(tiny_backend()), 4);
  const auto usual = stage.submit(request_of(3));
  auto longer = request_of(3);
  longer.retain = std::chrono::minutes(20);
  const auto retained = stage.submit(longer);
  stage.run();
  CHECK(archive_of(stage).store->size() == 2);

  stage.advance(std::chrono::minutes(6));
  CHECK(archive_of(stage).store->size() == 1);
  CHECK(fetch_now(stage, usual).error().code == ErrorCode::not_found);
  CHECK(fetch_now(stage, retained)->phase == RequestPhase::finished);

  stage.advance(std::chrono::minutes(15));
  CHECK(archive_of(stage).store->size() == 0);
  CHECK_FALSE(has_timers(stage));
  CHECK(fetch_now(stage, retained).error().code == ErrorCode::not_found);
  CHECK_FALSE(has_timers(stage));
}

TEST_CASE("when the archive dies only old results are lost") {
  std::size_t num_asked = 0;  // questions that were under way to the archive when it died
  std::int32_t num_lost = 0;
  std::int32_t num_kept = 0;
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    ActorStage stage(tiny_company(tiny_backend()), seed);
    const auto old = stage.submit(request_of(3));
    stage.run();
    std::vector<RequestId> ids;
    std::vector<Fetched> fetched;
    for (int i = 0; i < 4; ++i) {
      ids.push_back(stage.submit(request_of(20 + i)));
    }
    const auto when = stage.random()() % 200;
    for (std::uint32_t i = 0; i < when && stage.step(); ++i) {
      if (i % 16 == 0) {
        fetched.push_back(fetch(stage, ids[i / 16 % ids.size()]));
      }
      if (i % 16 > 10) {
        fetched.push_back(fetch(stage, old));
      }
    }
    num_asked += stage.company_state().archive_visits.size();
    Client client(stage);
    client.reconnect(ids[0]);
    caf::anon_send_exit(stage.company_state().archive, caf::exit_reason::kill);
    for (const auto id : ids) {
      fetched.push_back(fetch(stage, id));
    }

    stage.run();

    for (std::size_t i = 0; i < ids.size(); ++i) {
      CAPTURE(i);
      CHECK(stage.heard(ids[i]).num_ends() == 1);
      if (const auto result = fetch_now(stage, ids[i])) {
        CHECK(result->output.tokens ==
              expected_of(request_of(20 + static_cast<std::int32_t>(i)), 64).tokens);
        ++num_kept;
      } else {
        CHECK(result.error().code == ErrorCode::not_found);
        ++num_lost;
      }
    }
    for (const auto& answer : fetched) {
      CHECK(answer->has_value());
    }
    CHECK(client.every_line_ended_once());
    CHECK(fetch_now(stage, old).error().code == ErrorCode::not_found);
    const auto fresh = stage.submit(request_of(2));
    stage.run();
    CHECK(fetch_now(stage, fresh)->phase == RequestPhase::finished);
    CHECK(stage.company_state().archive_visits.empty());
  }
  CHECK(num_kept > num_lost);
  CHECK(num_asked > 0);
}

TEST_CASE("a request actor that meets a bug leaves its failure to be asked for") {
  ActorStage stage(tiny_company(tiny_backend()), 5);
  const auto id = stage.submit(request_of(9));
  while (!stage.company_state().live.contains(id)) {
    REQUIRE(stage.step());
  }
  // Nobody can have lost an attempt that was never made.
  caf::anon_send<caf::message_priority::high>(stage.company_state().live.at(id).actor,
                                              AttemptLost{});
  Client client(stage);
  client.reconnect(id);
  const auto asked = fetch(stage, id);

  stage.run();

  CHECK(stage.heard(id).num_ends() == 1);
  CHECK(client.every_line_ended_once());
  REQUIRE(asked->has_value());
  CHECK((*asked)->value().error->code == ErrorCode::internal);
  CHECK(fetch_now(stage, id)->phase == RequestPhase::failed);
}

TEST_CASE("a request actor that dies with a new sink ends that one") {
  ActorStage stage(tiny_company(tiny_backend()), 5);
  const auto id = stage.submit(request_of(40));
  run_until_output(stage, id);
  Client client(stage);
  client.reconnect(id);
  while (stage.heard(id).num_ends() == 0 || !stage.company_state().live.at(id).visits.empty()) {
    REQUIRE(stage.step());
  }

  caf::anon_send_exit(stage.company_state().live.at(id).actor, caf::exit_reason::kill);
  stage.run();

  REQUIRE(client.end() != nullptr);
  CHECK(std::get<Failed>(*client.end()).error.code == ErrorCode::internal);
  CHECK(client.every_line_ended_once());
  CHECK(stage.heard(id).num_ends() == 1);
}

TEST_CASE("a deadline ends a request wherever it is, with what it had") {
  for (const bool is_running : {false, true}) {
    CAPTURE(is_running);
    ActorStage stage(tiny_company(tiny_backend()), 6);
    auto request = request_of(60);
    request.deadline = std::chrono::milliseconds(5);
    const auto id = stage.submit(request);
    if (is_running) {
      run_until_output(stage, id);
    }

    stage.advance(std::chrono::milliseconds(5));

    REQUIRE(stage.heard(id).failed.size() == 1);
    CHECK(stage.heard(id).num_ends() == 1);
    CHECK(stage.heard(id).failed[0].error.code == ErrorCode::deadline_exceeded);
    const auto result = fetch_now(stage, id);
    REQUIRE(result);
    CHECK(result->error->code == ErrorCode::deadline_exceeded);
    CHECK(result->output.tokens == stage.heard(id).tokens);
    CHECK(ActorStage::state_of<RouterState>(stage.company_state().router)->routes.empty());
  }
}

TEST_CASE("a scheduler's refusal ends a request with its error, however late it comes") {
  for (const bool after_output : {false, true}) {
    CAPTURE(after_output);
    ActorStage stage(tiny_company(tiny_backend()), 7);
    const auto id = stage.submit(request_of(40));
    while (stage.heard(id).num_accepted == 0) {
      REQUIRE(stage.step());
    }
    if (after_output) {
      run_until_output(stage, id);
    }
    const Error late{ErrorCode::deadline_exceeded, "it cannot end in time", ""};
    caf::anon_send<caf::message_priority::high>(stage.company_state().router,
                                                AttemptRefused{id, AttemptNumber{1}, late});

    stage.run();

    REQUIRE(stage.heard(id).num_ends() == 1);
    REQUIRE(stage.heard(id).failed.size() == 1);
    CHECK(stage.heard(id).failed[0].error == late);
    CHECK(fetch_now(stage, id)->error == late);
    CHECK(stage.company_state().live.empty());
  }
}

TEST_CASE("a retained request outlives the actor that asked for it") {
  ActorStage stage(tiny_company(tiny_backend()), 8);
  auto request = std::make_shared<GenerateRequest>(request_of(40));
  request->retain = std::chrono::minutes(1);
  auto listener = stage.system().spawn([](caf::event_based_actor* self) -> caf::behavior {
    set_house_rules(self, "listener");
    return {[](const RequestEvent&) {}};
  });
  caf::scoped_actor self(stage.system());
  auto reply = self->request(stage.company(), caf::infinite, Generate{request, listener});
  for (int i = 0; i < 40; ++i) {
    stage.step();
  }
  caf::anon_send_exit(listener, caf::exit_reason::user_shutdown);

  stage.run();

  std::optional<RequestId> id;
  reply.receive([&](const GenerateReply& answer) { id = *answer.request; },
                [](const caf::error&) { FAIL("the door did not answer"); });
  REQUIRE(id);
  const auto result = fetch_now(stage, *id);
  REQUIRE(result);
  CHECK(result->phase == RequestPhase::finished);
  CHECK(result->output.tokens == expected_of(*request, 64).tokens);
}

}  // namespace troupe
