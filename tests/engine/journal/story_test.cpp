// The story of a request is told as it happened.
#include "engine/journal/explain.h"
#include "engine/journal/story_text.h"

#include "tests/engine/journal/recorded_ring.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace troupe::journal {
namespace {

/// Two seats, time that goes on by a millisecond with each hop.
struct Stage {
  explicit Stage(std::int32_t num_blocks = 64) {
    options.config = test::make_config(num_blocks, 4);
    options.config.max_num_seqs = 2;
    options.config.max_num_batched_tokens = 16;
    options.config.scheduling.policy = SchedulingPolicy::priority;
    options.config.eos_tokens = {};
    options.journal = &recorded;
    ring.emplace(options);
  }

  void submit(std::uint64_t number,
              std::int32_t num_prompt,
              std::int32_t num_output,
              std::int32_t priority = 0) {
    auto request = test::make_request(number, test::counting(num_prompt, 2), num_output);
    for (auto& token : request.tokens) {
      token = 2 + (token + static_cast<TokenId>(number * 7)) % 40;
    }
    request.priority = priority;
    REQUIRE(ring->submit(std::move(request)));
  }

  void hop(int count) {
    for (; count > 0; --count) {
      test::hop(*ring);
    }
  }

  std::vector<StoryLine> story_of(std::uint64_t request) {
    ring->run_until_silent();
    std::istringstream in(recorded);
    auto explanation = explain(in, RequestId{request});
    REQUIRE(explanation);
    REQUIRE_FALSE(explanation->replay.difference);
    return explanation->lines;
  }

  test::RingOptions options;
  std::string recorded = journal_beginning();
  std::optional<test::Ring> ring;
};

std::vector<Happening> happenings(const std::vector<StoryLine>& lines) {
  std::vector<Happening> what;
  for (const auto& line : lines) {
    what.push_back(line.what);
  }
  return what;
}

const StoryLine& line_of(const std::vector<StoryLine>& lines, Happening what) {
  const auto found = std::ranges::find(lines, what, &StoryLine::what);
  REQUIRE(found != lines.end());
  return *found;
}

}  // namespace

TEST_CASE("a request that is alone is admitted, computed and ended") {
  Stage stage;
  stage.submit(1, 40, 4);

  const auto lines = stage.story_of(1);

  CHECK(happenings(lines) == std::vector{Happening::enqueued, Happening::admitted,
                                         Happening::prefills, Happening::prefills,
                                         Happening::decodes, Happening::first_token,
                                         Happening::decodes, Happening::ended});
  CHECK(words_of(lines[0]) == "enqueued: 40 prompt tokens, 4 to generate at most, priority 0");
  CHECK(words_of(lines[1]) == "admitted: prefill [0, 16) of 40");
  CHECK(words_of(lines[2]) == "prefill [16, 32) of 40");
  CHECK(lines.back().reason == "length");
  CHECK(lines.back().num_output_tokens == 4);
}

TEST_CASE("who waits for a seat is told his place in the queue, and equal steps are one line") {
  Stage stage;
  stage.submit(1, 4, 12);
  stage.submit(2, 4, 12);
  stage.submit(3, 4, 2);
  stage.submit(4, 4, 2);

  const auto lines = stage.story_of(4);

  const auto& waits = line_of(lines, Happening::waits);
  CHECK(waits.hindrance == Hindrance::no_seat);
  CHECK(waits.other == RequestId{3});
  CHECK(waits.last_step.value > waits.first_step.value + 5);
  CHECK(waits.place_in_queue == 2);
}

TEST_CASE("a preemption names who took the seat, and both priorities") {
  Stage stage;
  stage.submit(1, 4, 30);
  stage.submit(2, 4, 30);
  stage.hop(20);
  stage.submit(3, 4, 4, 5);

  const auto lines = stage.story_of(2);

  const auto& preempted = line_of(lines, Happening::preempted);
  CHECK(preempted.other == RequestId{3});
  CHECK(words_of(preempted) == "preempted by request 3 (priority 5 > 0), which took its seat");
  const auto again = std::ranges::find_if(lines, [](const StoryLine& line) {
    return line.what == Happening::admitted && line.preempted_before;
  });
  REQUIRE(again != lines.end());
  CHECK(again->first_step > preempted.first_step);
  CHECK(again->begin > 0);
  CHECK(words_of(*again).find("tokens found cached") != std::string::npos);
  CHECK(lines.back().what == Happening::ended);
  CHECK(lines.back().num_output_tokens == 30);
}

TEST_CASE("who is held back by memory is told how much is short") {
  Stage stage(10);
  stage.submit(1, 24, 10);
  stage.hop(12);
  stage.submit(2, 20, 4);

  const auto lines = stage.story_of(2);

  const auto& held = line_of(lines, Happening::held_back);
  CHECK(held.num_blocks_needed == 5);
  CHECK(held.num_blocks_free < 5);
  const auto& waits = line_of(lines, Happening::waits);
  CHECK(waits.hindrance == Hindrance::no_memory);
  CHECK(lines.back().what == Happening::ended);
}

TEST_CASE("a cancelled request's story ends there") {
  Stage stage;
  stage.submit(1, 4, 30);
  stage.hop(20);
  stage.ring->cancel(RequestId{1});

  const auto lines = stage.story_of(1);

  CHECK(lines.back().what == Happening::cancelled);
  CHECK(lines.back().num_output_tokens > 0);
}

TEST_CASE("a request that outlives a ring comes back as its next attempt") {
  Stage stage;
  stage.submit(1, 4, 30);
  stage.hop(20);
  test::crash(*stage.ring);

  const auto lines = stage.story_of(1);

  CHECK(line_of(lines, Happening::ring_lost).ring == RingNumber{2});
  const auto again = std::ranges::find_if(lines, [](const StoryLine& line) {
    return line.what == Happening::enqueued && line.attempt == AttemptNumber{2};
  });
  REQUIRE(again != lines.end());
  CHECK(again->num_output_tokens > 0);
  CHECK(lines.back().what == Happening::ended);
  CHECK(lines.back().num_output_tokens == 30);
}

TEST_CASE("a request that can never fit is refused, and its story says so") {
  Stage stage(4);
  auto request = test::make_request(9, test::counting(30, 2), 5);
  CHECK_FALSE(stage.ring->submit(std::move(request)));

  const auto lines = stage.story_of(9);

  REQUIRE(lines.size() == 1);
  CHECK(lines[0].what == Happening::refused);
  CHECK(lines[0].reason.find("KV blocks") != std::string::npos);
}

TEST_CASE("times never run backwards in a story, and every story of an ended request ends once") {
  std::int64_t num_lines = 0;
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    const auto recorded = test::recorded_ring(seed);
    for (std::uint64_t number = 1; number <= 10; ++number) {
      CAPTURE(number);
      std::istringstream in(recorded);
      const auto explanation = explain(in, RequestId{number});
      REQUIRE(explanation);
      REQUIRE(explanation->requests.size() == 10);
      const auto& lines = explanation->lines;
      REQUIRE_FALSE(lines.empty());
      CHECK(std::ranges::is_sorted(lines, {}, &StoryLine::first_time));
      const auto num_ends = std::ranges::count_if(lines, [](const StoryLine& line) {
        return line.what == Happening::ended || line.what == Happening::cancelled ||
               line.what == Happening::refused;
      });
      CHECK(num_ends <= 1);
      CHECK((num_ends == 1) == (explanation->requests.at(RequestId{number}).fate != Fate::live));
      num_lines += std::ssize(lines);
    }
  }
  CHECK(num_lines > 500);
}

}  // namespace troupe::journal
