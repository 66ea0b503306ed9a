// The company under a deterministic scheduler: whatever order messages come in, every request ends
// once, with the device's own tokens, and all blocks come home.
#include "actors/engine_actor.h"
#include "actors/memory_manager_actor.h"
#include "actors/router_actor.h"
#include "actors/scheduler_actor.h"

#include "tests/support/actor_stage.h"
#include "tests/support/tiny_company.h"

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <vector>

namespace troupe {
namespace {

MemoryManager* memory_of(ActorStage& stage) {
  const auto* engine = ActorStage::state_of<EngineActorState>(stage.company_state().engines[0]);
  if (engine == nullptr || !engine->memory_manager) {
    return nullptr;
  }
  auto* state = ActorStage::state_of<MemoryManagerState>(engine->memory_manager);
  return state != nullptr && state->memory ? &*state->memory : nullptr;
}

// One message, and then the books must balance.
bool audited_step(ActorStage& stage) {
  const bool more = stage.step();
  if (const auto* memory = memory_of(stage)) {
    memory->audit();
  }
  return more;
}

void check_heard(const Heard& heard, const Expected& expected) {
  CHECK(heard.num_accepted == 1);
  REQUIRE(heard.num_ends() == 1);
  CHECK_FALSE(heard.after_end);
  REQUIRE(heard.finished.size() == 1);
  CHECK(heard.tokens == expected.tokens);
  CHECK(heard.finished[0].reason == expected.reason);
}

void check_everybody_home(ActorStage& stage) {
  const auto* memory = memory_of(stage);
  REQUIRE(memory != nullptr);
  CHECK(memory->num_free_blocks() == memory->num_total_blocks());
  CHECK(stage.company_state().live.empty());
  const auto* router = ActorStage::state_of<RouterState>(stage.company_state().router);
  REQUIRE(router != nullptr);
  CHECK(router->routes.empty());
  CHECK(router->table.status().num_live_requests == 0);
}

}  // namespace

TEST_CASE("a request hears its acceptance, the device's tokens and one end") {
  ActorStage stage(tiny_company(tiny_backend()), 1);
  GenerateRequest request{.model = "", .prompt = TokenPrompt{{1, 2, 3}}, .sampling = {}};
  request.sampling.max_tokens = 7;
  request.sampling.ignore_eos = true;

  const auto id = stage.submit(request);
  stage.run();

  check_heard(stage.heard(id), expected_of(request, 64));
  CHECK(stage.heard(id).finished[0].usage.num_prompt_tokens == 3);
  CHECK(stage.heard(id).finished[0].usage.num_output_tokens == 7);
  check_everybody_home(stage);
}

TEST_CASE("an empty engine is silent: no message waits, and time alone brings none") {
  ActorStage stage(tiny_company(tiny_backend()), 1);
  stage.run();
  std::mt19937 random(1);
  stage.submit(any_request(random));
  stage.run();

  stage.advance(std::chrono::hours(1));

  CHECK(stage.run() == 0);
}

TEST_CASE("whatever order arrivals, cancels and steps come in, every request ends once and right") {
  std::int64_t num_preempted = 0;
  std::int64_t num_cancelled = 0;
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    ActorStage stage(tiny_company(tiny_backend()), seed);
    std::vector<GenerateRequest> requests;
    std::vector<RequestId> ids;
    std::vector<bool> cancelled;
    constexpr std::size_t kRequests = 12;
    while (requests.size() < kRequests || audited_step(stage)) {
      const auto dice = stage.random()() % 64;
      if (requests.size() < kRequests && dice < 6) {
        requests.push_back(any_request(stage.random()));
        ids.push_back(stage.submit(requests.back()));
        cancelled.push_back(false);
      } else if (!ids.empty() && dice == 7) {
        const auto victim = stage.random()() % ids.size();
        cancelled[victim] = true;
        stage.cancel(ids[victim]);
      }
      if (requests.size() < kRequests) {
        audited_step(stage);
      }
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      CAPTURE(i);
      const auto& heard = stage.heard(ids[i]);
      REQUIRE(heard.num_ends() == 1);
      CHECK_FALSE(heard.after_end);
      if (heard.finished.empty()) {
        REQUIRE(cancelled[i]);
        CHECK(heard.failed[0].error.code == ErrorCode::cancelled);
        ++num_cancelled;
      } else {
        check_heard(heard, expected_of(requests[i], 64));
        num_preempted += heard.finished[0].timing.num_preemptions;
      }
    }
    check_everybody_home(stage);
  }
  // The runs are worth something only if these things did happen.
  CHECK(num_preempted > 0);
  CHECK(num_cancelled > 0);
}

TEST_CASE("cancelling twice, or what has ended, or what never was, changes nothing") {
  ActorStage stage(tiny_company(tiny_backend()), 3);
  std::mt19937 random(3);
  const auto request = any_request(random);
  const auto id = stage.submit(request);
  const auto doomed = stage.submit(any_request(random));

  stage.cancel(doomed);
  stage.cancel(doomed);
  stage.cancel(RequestId{999});
  stage.run();
  stage.cancel(id);
  stage.run();

  check_heard(stage.heard(id), expected_of(request, 64));
  REQUIRE(stage.heard(doomed).num_ends() == 1);
  check_everybody_home(stage);
}

TEST_CASE("a request that can never fit the cache is refused at once with the numbers") {
  auto backend = tiny_backend();
  backend.description.num_blocks = 4;  // 16 tokens
  ActorStage stage(tiny_company(backend), 4);
  GenerateRequest request{.model = "", .prompt = TokenPrompt{{1, 2, 3}}, .sampling = {}};
  request.sampling.max_tokens = 30;

  const auto id = stage.submit(request);
  stage.run();

  REQUIRE(stage.heard(id).failed.size() == 1);
  CHECK(stage.heard(id).failed[0].error.code == ErrorCode::never_fits);
  CHECK(stage.heard(id).num_accepted == 0);
}

TEST_CASE("beyond the queue's limit new requests hear that it is full, and the others go on") {
  auto parts = tiny_company(tiny_backend());
  parts.engine.max_num_queued_requests = 3;
  ActorStage stage(parts, 5);
  std::mt19937 random(5);
  std::vector<GenerateRequest> requests;
  std::vector<RequestId> ids;
  for (int i = 0; i < 30; ++i) {
    requests.push_back(any_request(random));
    ids.push_back(stage.submit(requests.back()));
  }

  stage.run();

  std::size_t num_refused = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto& heard = stage.heard(ids[i]);
    if (!heard.failed.empty()) {
      CHECK(heard.failed[0].error.code == ErrorCode::queue_full);
      CHECK(heard.num_accepted == 0);
      ++num_refused;
    } else {
      check_heard(heard, expected_of(requests[i], 64));
    }
  }
  CHECK(num_refused > 0);
  CHECK(num_refused < ids.size());
  check_everybody_home(stage);
}

TEST_CASE("a shared prefix is computed once and read from the cache by those who come later") {
  ActorStage stage(tiny_company(tiny_backend()), 6);
  GenerateRequest request{.model = "", .prompt = TokenPrompt{{}}, .sampling = {}};
  for (TokenId token = 0; token < 18; ++token) {
    std::get<TokenPrompt>(request.prompt).tokens.push_back(token + 10);
  }
  request.sampling.max_tokens = 2;
  const auto first = stage.submit(request);
  stage.run();

  const auto second = stage.submit(request);
  stage.run();

  CHECK(stage.heard(first).finished.at(0).usage.num_cached_tokens == 0);
  CHECK(stage.heard(second).finished.at(0).usage.num_cached_tokens == 16);
  CHECK(stage.heard(first).tokens == stage.heard(second).tokens);
}

TEST_CASE("draining refuses new requests, lets the accepted ones finish, and then answers") {
  ActorStage stage(tiny_company(tiny_backend()), 7);
  std::mt19937 random(7);
  const auto request = any_request(random);
  const auto id = stage.submit(request);
  while (stage.heard(id).num_accepted == 0) {
    REQUIRE(stage.step());
  }
  caf::scoped_actor self(stage.system());
  auto drained = self->request(stage.company(), caf::infinite, Drain{std::chrono::hours(1)});
  stage.run();
  const auto late = stage.submit(request);
  stage.run();

  std::int32_t num_left = -1;
  drained.receive([&](const Drained& answer) { num_left = answer.num_left; },
                  [](const caf::error&) { FAIL("the company did not answer"); });
  CHECK(num_left == 0);
  check_heard(stage.heard(id), expected_of(request, 64));
  CHECK(stage.heard(late).failed.at(0).error.code == ErrorCode::draining);
}

}  // namespace troupe
