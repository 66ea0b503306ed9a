// The plain C++ door, with real threads.
#include "actors/troupe.h"

#include "tests/support/tiny_company.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

namespace troupe {
namespace {

GenerateRequest long_request(TokenId first, std::int32_t max_tokens) {
  GenerateRequest request{.model = "", .prompt = TokenPrompt{{first, 2, 3}}, .sampling = {}};
  request.sampling.max_tokens = max_tokens;
  request.sampling.ignore_eos = true;
  return request;
}

ServiceStatus status_of(Troupe& troupe) {
  std::promise<ServiceStatus> promise;
  troupe.status([&](ServiceStatus status) { promise.set_value(std::move(status)); });
  return promise.get_future().get();
}

}  // namespace

TEST_CASE("a plain caller pulls events one by one") {
  auto troupe = Troupe::start(tiny_company(tiny_backend()));
  REQUIRE(troupe);
  const auto request = long_request(7, 9);

  auto generation = (*troupe)->generate(request);
  REQUIRE(generation);
  std::vector<TokenId> tokens;
  bool accepted = false;
  bool finished = false;
  while (auto event = generation->next()) {
    accepted = accepted || std::holds_alternative<Accepted>(*event);
    finished = finished || std::holds_alternative<Finished>(*event);
    if (const auto* delta = std::get_if<Delta>(&*event)) {
      tokens.insert(tokens.end(), delta->tokens.begin(), delta->tokens.end());
    }
  }

  CHECK(accepted);
  CHECK(finished);
  CHECK(tokens == expected_of(request, 64).tokens);
  CHECK_FALSE(generation->next());
}

TEST_CASE("a plain caller waits for the whole answer, or is called back") {
  auto troupe = Troupe::start(tiny_company(tiny_backend()));
  REQUIRE(troupe);
  const auto request = long_request(8, 5);

  const auto completion = (*troupe)->generate(request)->wait();
  std::promise<void> ended;
  std::vector<TokenId> pushed;
  auto id = (*troupe)->generate(request, [&](const Event& event) {
    if (const auto* delta = std::get_if<Delta>(&event)) {
      pushed.insert(pushed.end(), delta->tokens.begin(), delta->tokens.end());
    } else if (std::holds_alternative<Finished>(event)) {
      ended.set_value();
    }
  });
  REQUIRE(id);
  ended.get_future().wait();

  REQUIRE(completion);
  CHECK(completion->tokens == expected_of(request, 64).tokens);
  CHECK(completion->end.reason == FinishReason::length);
  CHECK(pushed == completion->tokens);
}

TEST_CASE("a bad request is refused before anything starts") {
  auto troupe = Troupe::start(tiny_company(tiny_backend()));
  REQUIRE(troupe);
  auto request = long_request(1, 5);
  request.sampling.temperature = -1.0F;

  const auto refused = (*troupe)->generate(request);

  REQUIRE_FALSE(refused);
  CHECK(refused.error().param == "temperature");
}

TEST_CASE("a device that cannot be made is an error at the start, with its own words") {
  auto parts = tiny_company(tiny_backend());
  parts.backend = []() -> Result<std::unique_ptr<Backend>> {
    return fail(ErrorCode::device, "no such device");
  };

  const auto troupe = Troupe::start(std::move(parts));

  REQUIRE_FALSE(troupe);
  CHECK(troupe.error() == Error{ErrorCode::device, "no such device", ""});
}

TEST_CASE("dropping a generation cancels its request") {
  auto backend = tiny_backend();
  backend.before_step = [](const StepPlan&) -> Result<void> {
    std::this_thread::yield();
    return {};
  };
  auto troupe = Troupe::start(tiny_company(backend));
  REQUIRE(troupe);

  {
    auto dropped = (*troupe)->generate(long_request(3, 50));
    REQUIRE(dropped);
    CHECK(dropped->next());
  }

  CHECK((*troupe)->drain(std::chrono::seconds(30)) == 0);
  CHECK(status_of(**troupe).num_live_requests == 0);
}

TEST_CASE("a worker that throws a hundred times under load loses no request and repeats no token") {
  auto backend = tiny_backend();
  auto num_steps = std::make_shared<std::atomic<int>>(0);
  auto num_thrown = std::make_shared<std::atomic<int>>(0);
  // Twice alone in a crashed step, and a request is held to be the cause: so never when alone.
  backend.before_step = [=](const StepPlan& plan) -> Result<void> {
    if (plan.rows.size() > 1 && ++*num_steps % 5 == 0 && *num_thrown < 100) {
      ++*num_thrown;
      throw std::runtime_error("the device is on fire");
    }
    return {};
  };
  auto parts = tiny_company(backend);
  parts.restarts.max_restarts = 1000;
  auto troupe = Troupe::start(std::move(parts));
  REQUIRE(troupe);
  constexpr int kRequests = 60;
  std::vector<GenerateRequest> requests;
  std::vector<Generation> generations;
  for (int i = 0; i < kRequests; ++i) {
    requests.push_back(long_request(i, 20 + i % 30));
    auto generation = (*troupe)->generate(requests.back());
    REQUIRE(generation);
    generations.push_back(*std::move(generation));
  }

  for (int i = 0; i < kRequests; ++i) {
    CAPTURE(i);
    const auto completion = generations[static_cast<std::size_t>(i)].wait();
    REQUIRE(completion);
    CHECK(completion->tokens == expected_of(requests[static_cast<std::size_t>(i)], 64).tokens);
  }
  CHECK(*num_thrown == 100);
}

}  // namespace troupe
