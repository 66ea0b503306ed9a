#include "engine/scheduling/length_limit.h"

#include "tests/support/ring_requests.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

using test::counting;
using test::make_config;
using test::make_request;

TEST_CASE("a sequence may become as long as the request and the model allow") {
  auto config = make_config(100, 4);
  config.max_model_len = 20;

  CHECK(length_limit(make_request(1, counting(10), 5), config) == 15);
  CHECK(length_limit(make_request(1, counting(10), 10), config) == 20);
  CHECK(length_limit(make_request(1, counting(10), 2'000'000'000), config) == 20);
}

TEST_CASE("a request that could not run even alone is refused with the numbers") {
  const auto config = make_config(4, 4);

  const auto refused = length_limit(make_request(1, counting(10), 7), config);

  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::never_fits);
  CHECK(refused.error().message ==
        "prompt and output of 17 tokens take 5 KV blocks of 4 tokens, the cache has 4");
  CHECK(length_limit(make_request(2, counting(10), 6), config));
}

TEST_CASE("a request with nothing to compute or to generate is refused") {
  const auto config = make_config(100, 4);
  const auto code = [&](const EnqueuedRequest& request) {
    const auto limit = length_limit(request, config);
    REQUIRE_FALSE(limit);
    return limit.error().code;
  };
  auto complete = make_request(1, counting(4), 2);
  complete.tokens.insert(complete.tokens.end(), {7, 7});

  CHECK(code(make_request(1, {}, 5)) == ErrorCode::invalid_value);
  CHECK(code(make_request(1, counting(4), 0)) == ErrorCode::invalid_value);
  CHECK(code(make_request(1, counting(4), -1)) == ErrorCode::invalid_value);
  CHECK(code(complete) == ErrorCode::invalid_value);
}

TEST_CASE("a prompt that leaves no room in the model's length is refused") {
  auto config = make_config(100, 4);
  config.max_model_len = 8;

  const auto refused = length_limit(make_request(1, counting(8), 5), config);

  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::context_length_exceeded);
  CHECK(length_limit(make_request(1, counting(7), 5), config) == 8);
}

}  // namespace
}  // namespace troupe
