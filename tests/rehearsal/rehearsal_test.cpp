// The real actors under an order of messages, sizes and faults that a seed draws. `troupe bench
// seeds` plays many more.
#include "engine/base/log.h"

#include "rehearsal/draw.h"
#include "rehearsal/performance.h"
#include "rehearsal/play.h"
#include "rehearsal/vocabulary.h"
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace troupe::rehearsal {
namespace {

constexpr std::uint64_t kSeedsOfACase = 500;

Sightings play_seeds(std::uint64_t first_seed) {
  log::set_level(log::Level::off);
  const auto tokenizer = rehearsal_tokenizer();
  Sightings sightings;
  for (auto seed = first_seed; seed < first_seed + kSeedsOfACase; ++seed) {
    CAPTURE(seed);
    const auto outcome = perform(seed, tokenizer);
    REQUIRE_MESSAGE(!outcome.broken, outcome.broken->what);
    sightings.add(outcome.sightings);
  }
  return sightings;
}

}  // namespace

TEST_CASE("every promise is kept under the first five hundred seeds") {
  const auto seen = play_seeds(0);

  CHECK(seen.count(Sight::preemption) > 0);
  CHECK(seen.count(Sight::prefix_hit) > 0);
  CHECK(seen.count(Sight::discarded_row) > 0);
}

TEST_CASE("every promise is kept under the second five hundred seeds") {
  const auto seen = play_seeds(kSeedsOfACase);

  CHECK(seen.count(Sight::new_ring) > 0);
  CHECK(seen.count(Sight::condemned) > 0);
}

TEST_CASE("every promise is kept under the third five hundred seeds") {
  const auto seen = play_seeds(2 * kSeedsOfACase);

  CHECK(seen.count(Sight::cancelled_running) > 0);
  CHECK(seen.count(Sight::late_token) > 0);
}

TEST_CASE("every promise is kept under the fourth five hundred seeds") {
  const auto seen = play_seeds(3 * kSeedsOfACase);

  CHECK(seen.count(Sight::drained) > 0);
  CHECK(seen.count(Sight::early_curtain) > 0);
  CHECK(seen.count(Sight::queue_full) > 0);
}

TEST_CASE("the same seed is the same play, message by message") {
  log::set_level(log::Level::off);
  const auto tokenizer = rehearsal_tokenizer();
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);

    const auto once = perform(seed, tokenizer);
    const auto again = perform(seed, tokenizer);

    CHECK(once.digest == again.digest);
    CHECK(once.sightings.counts() == again.sightings.counts());
    CHECK(once.digest != perform(seed + 1000, tokenizer).digest);
  }
}

TEST_CASE("a trace shows the messages of a play") {
  log::set_level(log::Level::off);
  std::int64_t num_lines = 0;
  bool shows_a_proposal = false;

  const auto outcome = perform(3, rehearsal_tokenizer(), [&](const std::string& line) {
    ++num_lines;
    shows_a_proposal = shows_a_proposal || line.find("proposal ring 1") != std::string::npos;
  });

  CHECK(num_lines > 0);
  CHECK(num_lines <= outcome.sightings.count(Sight::message));
  CHECK(shows_a_proposal);
}

TEST_CASE("a draw stays within its bounds and reaches both") {
  Draw draw(1);
  std::int32_t lowest = 100;
  std::int32_t highest = 0;
  for (std::int32_t i = 0; i < 1000; ++i) {
    const auto number = draw.between(3, 7);
    lowest = std::min(lowest, number);
    highest = std::max(highest, number);
    CHECK(draw.log_between(3, 60) >= 3);
    CHECK(draw.log_between(3, 60) <= 60);
  }

  CHECK(lowest == 3);
  CHECK(highest == 7);
}

}  // namespace troupe::rehearsal
