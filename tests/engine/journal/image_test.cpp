// Two images part where the first field differs, and the place is named.
#include "engine/journal/image.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace troupe::journal {
namespace {

StepPlan some_plan() {
  StepPlan plan;
  plan.ring = RingNumber{1};
  plan.step = StepNumber{9};
  auto start = std::make_shared<SequenceStart>();
  start->sequence = SequenceId{5};
  start->tokens = {1, 2, 3};
  plan.seats_taken = {{0, start}};
  plan.table_growth = {{0, {BlockId{4}, BlockId{5}}}};
  plan.copies = {{BlockId{1}, BlockId{2}}};
  plan.rows = {{0, 0, 3, true}, {1, 7, 8, true}};
  return plan;
}

std::string image_of(const StepPlan& plan) {
  std::string image;
  append_image(image, plan);
  return image;
}

}  // namespace

TEST_CASE("equal plans have equal images") {
  CHECK(image_of(some_plan()) == image_of(some_plan()));
  CHECK_FALSE(parting(image_of(some_plan()), some_plan()));
}

TEST_CASE("plans that differ in one number part at its field, with both values") {
  auto other = some_plan();
  other.rows[1].end = 9;

  const auto parted = parting(image_of(other), some_plan());

  REQUIRE(parted);
  CHECK(parted->field == "rows[1].end");
  CHECK(parted->recorded == 9);
  CHECK(parted->replayed == 8);
}

TEST_CASE("a list of another length parts at its length") {
  auto other = some_plan();
  other.table_growth[0].blocks.push_back(BlockId{6});

  const auto parted = parting(image_of(other), some_plan());

  REQUIRE(parted);
  CHECK(parted->field == "table_growth[0].blocks");
  CHECK(parted->recorded == 3);
  CHECK(parted->replayed == 2);
}

TEST_CASE("a sequence that enters with another token is another one") {
  auto other = some_plan();
  auto start = std::make_shared<SequenceStart>(*other.seats_taken[0].start);
  start->tokens[1] = 7;
  other.seats_taken[0].start = start;

  const auto parted = parting(image_of(other), some_plan());

  REQUIRE(parted);
  CHECK(parted->field == "seats_taken[0].start.digest");
}

TEST_CASE("an image that was cut short parts where it ends, and a longer one at its end") {
  const auto image = image_of(some_plan());
  for (std::size_t length = 0; length < image.size(); ++length) {
    CAPTURE(length);
    CHECK(parting(std::string_view(image).substr(0, length), some_plan()));
  }

  const auto parted = parting(image + "x", some_plan());

  REQUIRE(parted);
  CHECK(parted->field == "the end");
}

}  // namespace troupe::journal
