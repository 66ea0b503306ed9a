// What the commands print of a journal.
#include "cli/journal_report.h"

#include <doctest/doctest.h>

#include <string>

namespace troupe::cli {
namespace {

journal::ReplayReport good_report() {
  journal::ReplayReport report;
  report.agreements = {
      .num_proposals = 1204, .num_grants = 1203, .num_plans = 1, .num_refusals = 0};
  report.num_records = 6020;
  report.num_bytes = 4096;
  report.num_rings = 2;
  report.ending = journal::Ending::closed;
  return report;
}

}  // namespace

TEST_CASE("an identical replay says what it compared") {
  CHECK(replay_summary(good_report()) ==
        "identical: 1,204 proposals, 1,203 grants, 1 plan, 0 refusals in 2 rings\n"
        "journal: 6,020 records, 4 KiB, complete\n");
}

TEST_CASE("a replay that differs says where first") {
  auto report = good_report();
  report.difference = journal::Difference{RingNumber{1}, StepNumber{41}, "the plan",
                                          "rows[3].end: recorded 512, replayed 496"};

  const auto text = replay_summary(report);

  CHECK(
      text.starts_with("different: ring 1, step 41: the plan: rows[3].end: recorded 512, "
                       "replayed 496\nidentical before: 1,204 proposals"));
}

TEST_CASE("how a journal ends is said") {
  auto report = good_report();
  report.ending = journal::Ending::open;
  CHECK(replay_summary(report).find("was not closed") != std::string::npos);
  report.ending = journal::Ending::torn;
  report.num_torn_bytes = 17;
  CHECK(replay_summary(report).find("17 bytes left out") != std::string::npos);
  report.ending = journal::Ending::closed;
  report.end_reason = journal::EndReason::backlog;
  CHECK(replay_summary(report).find("written too slowly") != std::string::npos);
  report.damage = Error{ErrorCode::invalid_value, "the journal is damaged: record 3", ""};
  CHECK(replay_summary(report).starts_with("the journal is damaged: record 3"));
}

TEST_CASE("a ring that failed a check is named with it") {
  auto report = good_report();
  report.failed_rings = {{RingNumber{7}, "a step has other tokens than rows"}};

  CHECK(replay_summary(report).find("ring 7 failed a check, as it did when it was recorded: a "
                                    "step has other tokens than rows\n") != std::string::npos);
}

TEST_CASE("an unknown request is told some that are there") {
  journal::Explanation explanation;
  CHECK(unknown_request(RequestId{9}, explanation) ==
        "request 9 is not in the journal; there is none in it");
  explanation.requests[RequestId{4}] = {};
  CHECK(unknown_request(RequestId{9}, explanation) == "request 9 is not in the journal; 1 is: 4");
  for (std::uint64_t number = 10; number < 30; ++number) {
    explanation.requests[RequestId{number}] = {};
  }
  CHECK(unknown_request(RequestId{9}, explanation) ==
        "request 9 is not in the journal; 21 are: 4, 10, 11, 12, 13, 14, 15, 16, …");
}

TEST_CASE("a story is told with times from the journal's beginning, for people and for machines") {
  journal::Explanation explanation;
  explanation.origin = TimePoint(std::chrono::seconds(100));
  journal::StoryLine line;
  line.what = journal::Happening::waits;
  line.hindrance = Hindrance::no_seat;
  line.place_in_queue = 3;
  line.ring = RingNumber{1};
  line.first_step = StepNumber{41};
  line.last_step = StepNumber{43};
  line.first_time = explanation.origin + std::chrono::microseconds(13'200);
  line.last_time = explanation.origin + std::chrono::milliseconds(20);
  explanation.lines = {line};

  CHECK(story_text(explanation) ==
        "0.0132 s  steps 41-43: waits: no seat is free, 3rd in the queue\n");
  CHECK(story_json(RequestId{5}, explanation) ==
        "{\"request\":5,\"lines\":[{\"time_s\":0.0132,\"until_s\":0.02,\"ring\":1,\"step\":41,"
        "\"until_step\":43,\"event\":\"waits\",\"reason\":\"no_seat\",\"place_in_queue\":3,"
        "\"text\":\"waits: no seat is free, 3rd in the queue\"}]}\n");
}

}  // namespace troupe::cli
