// The whole ring under a seeded, random order of events: sizes, loads and faults are drawn anew for
// each seed, and whatever happens, every request gets exactly the tokens of the oracle and one end.
#include "engine/base/check.h"
#include "engine/journal/replay.h"

#include "tests/support/ring.h"

#include "rehearsal/draw.h"
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <sstream>
#include <string>

namespace troupe::test {
namespace {

using rehearsal::Draw;

enum class Faults : std::uint8_t { none, cancels, crashes, poison };

struct Play {
  RingOptions options;
  Faults faults = Faults::none;
  std::int32_t num_requests = 0;
  std::int32_t num_salts = 1;
  std::int32_t num_prefixes = 1;       // how many different beginnings prompts have
  std::array<std::int32_t, 6> pace{};  // of each hop, in parts
  std::int32_t arrival_pace = 1;
};

enum class Policies : std::uint8_t { fcfs, drawn };

void draw_scheduling(Draw& draw, EngineConfig& config) {
  auto& scheduling = config.scheduling;
  scheduling.policy =
      kPolicyNames[static_cast<std::size_t>(draw.between(0, std::ssize(kPolicyNames) - 1))].policy;
  const auto cap = [&] { return draw.one_in(2) ? 0 : draw.log_between(1, 64); };
  scheduling.preemption = draw.one_in(3) ? PreemptionMode::recompute : PreemptionMode::swap;
  scheduling.admission = draw.one_in(3) ? AdmissionMode::reserve : AdmissionMode::on_demand;
  scheduling.max_prefill_tokens = cap();
  scheduling.max_decode_tokens = cap();
  scheduling.min_prefill_tokens = draw.between(0, 32);
  scheduling.long_prefill_token_threshold = cap();
  scheduling.watermark = draw.one_in(2) ? 0.0 : 0.01 * draw.between(1, 60);
  if (draw.one_in(3)) {
    scheduling.target_inter_token_latency = Duration(draw.between(1, 1000));
  }
  scheduling.aging_per_level = Duration(draw.between(1, 100));
  scheduling.mlfq_first_quantum = draw.between(1, 32);
  scheduling.mlfq_num_rungs = draw.between(1, 8);
  scheduling.mlfq_promote_after = Duration(draw.between(1, 200));
}

Play draw_play(Draw& draw, Faults faults, Policies policies) {
  Play play;
  play.faults = faults;
  auto& config = play.options.config;
  config.num_blocks = draw.log_between(2, 64);
  config.block_size = draw.log_between(1, 16);
  config.max_num_batched_tokens = draw.log_between(1, 256);
  config.max_num_seqs = draw.log_between(1, 16);
  config.max_model_len = draw.between(8, 96);
  config.max_num_queued_requests = draw.one_in(8) ? draw.between(0, 4) : 64;
  config.enable_prefix_caching = !draw.one_in(6);
  config.eos_tokens = {0, 1};
  play.options.vocab_size = draw.between(3, 50);
  play.options.eos_one_in = draw.one_in(3) ? 0 : static_cast<std::uint32_t>(draw.between(2, 40));
  play.options.num_host_blocks = draw.one_in(2) ? 0 : draw.log_between(1, 32);
  config.scheduling.preemption = PreemptionMode::swap;
  if (policies == Policies::drawn) {
    draw_scheduling(draw, config);
  }
  play.num_salts = draw.between(1, 3);
  play.num_requests = draw.between(1, 24);
  play.num_prefixes = draw.between(1, 4);
  for (auto& pace : play.pace) {
    pace = draw.between(1, 8);
  }
  play.arrival_pace = draw.between(1, 8);
  return play;
}

EnqueuedRequest draw_request(Draw& draw, const Play& play, std::uint64_t number) {
  EnqueuedRequest request;
  request.request = RequestId{number};
  request.attempt = AttemptNumber{1};
  // Some share their arrival, and some come with an older one.
  request.arrival =
      TimePoint(Duration(number / 2 * 10 + static_cast<std::uint64_t>(draw.one_in(8) ? 0 : 5)));
  const auto& config = play.options.config;
  const auto longest = std::min(config.max_model_len, config.num_blocks * config.block_size);
  const auto length = draw.log_between(1, draw.one_in(10) ? config.max_model_len : longest);
  const auto prefix = draw.between(0, play.num_prefixes - 1);
  const auto num_shared = draw.between(0, length);
  for (std::int32_t position = 0; position < length; ++position) {
    const auto own = draw.between(2, play.options.vocab_size - 1);
    request.tokens.push_back(
        position < num_shared ? 2 + (position * 7 + prefix) % (play.options.vocab_size - 2) : own);
  }
  request.num_prompt_tokens = length;
  request.max_output_tokens = draw.log_between(1, draw.one_in(10) ? 64 : longest - length + 1);
  request.sampling.temperature = draw.one_in(2) ? 0.0F : 1.0F;
  request.sampling.seed = static_cast<std::uint64_t>(draw.between(0, 2));
  request.sampling.min_tokens = draw.one_in(4) ? draw.between(0, 6) : 0;
  request.sampling.ignore_eos = draw.one_in(6);
  request.cache_salt =
      std::string(static_cast<std::size_t>(draw.between(0, play.num_salts - 1)), 's');
  request.priority = draw.between(-2, 2);
  request.tenant = draw.one_in(2) ? "one" : "another";
  if (draw.one_in(3)) {
    request.deadline = request.arrival + Duration(draw.between(0, 500));
  }
  if (draw.one_in(4)) {
    request.sampling.stop_token_ids = {draw.between(0, play.options.vocab_size - 1)};
  }
  return request;
}

/// One random thing happens.
void step(Ring& ring, Draw& draw, const Play& play, std::uint64_t& num_submitted) {
  const auto arrivals_left = num_submitted < static_cast<std::uint64_t>(play.num_requests);
  if (arrivals_left && (draw.one_in(play.arrival_pace * 4) || !ring.moving())) {
    auto request = draw_request(draw, play, ++num_submitted);
    if (play.faults == Faults::poison && draw.one_in(5)) {
      ring.poison(request.request);
    }
    const auto taken = ring.submit(std::move(request));
    static_cast<void>(taken);  // refusals are among the endings
    return;
  }
  if (play.faults == Faults::cancels && num_submitted > 0 && draw.one_in(12)) {
    ring.cancel(RequestId{
        static_cast<std::uint64_t>(draw.between(1, static_cast<std::int32_t>(num_submitted)))});
    return;
  }
  if (play.faults == Faults::crashes && draw.one_in(40)) {
    ring.crash();
    return;
  }
  ring.wait(Duration(draw.between(0, 2)));
  const std::array hops{&Ring::settle,      &Ring::deliver_grant,  &Ring::enqueue_plan,
                        &Ring::finish_step, &Ring::deliver_result, &Ring::return_request};
  std::int32_t sum = 0;
  for (const auto pace : play.pace) {
    sum += pace;
  }
  auto part = draw.between(0, sum - 1);
  std::size_t chosen = 0;
  while (part >= play.pace[chosen]) {
    part -= play.pace[chosen++];
  }
  if (!(ring.*hops[chosen])() && draw.one_in(4)) {
    ring.deliver_late();
  }
}

void check_endings(const Ring& ring, const Play& play) {
  for (const auto& [request, log] : ring.logs()) {
    CAPTURE(request.value);
    REQUIRE(log.ending);
    if (*log.ending == Ending::stop || *log.ending == Ending::length) {
      CHECK(log.tokens == log.oracle);
    }
    CHECK((*log.ending != Ending::cancelled || play.faults == Faults::cancels));
    if (play.faults == Faults::poison && *log.ending != Ending::refused) {
      CHECK((*log.ending == Ending::worker_lost) == ring.poisoned(request));
    }
    CHECK((*log.ending != Ending::worker_lost || play.faults == Faults::crashes ||
           play.faults == Faults::poison));
  }
}

Sightings perform(std::uint32_t seed,
                  Faults faults,
                  Policies policies,
                  std::string* journal = nullptr) {
  Draw draw(seed);
  auto play = draw_play(draw, faults, policies);
  play.options.journal = journal;
  Ring ring(play.options);
  std::uint64_t num_submitted = 0;
  const auto num_events = draw.between(50, 1500);
  for (std::int32_t event = 0; event < num_events; ++event) {
    step(ring, draw, play, num_submitted);
  }
  ring.run_until_silent();
  check_endings(ring, play);
  return ring.sightings();
}

Sightings perform_all(std::uint32_t num_seeds, Faults faults, Policies policies = Policies::fcfs) {
  Sightings sum;
  for (std::uint32_t seed = 0; seed < num_seeds; ++seed) {
    CAPTURE(seed);
    std::string broken;
    try {
      sum.add(perform(seed, faults, policies));
    } catch (const std::exception& exception) {
      broken = exception.what();
    }
    REQUIRE(broken == "");
  }
  return sum;
}

TEST_CASE("in whatever order the messages come, every request gets its tokens and one end") {
  const auto seen = perform_all(3000, Faults::none);

  CHECK(seen.preemptions > 0);
  CHECK(seen.prefix_hits > 0);
  CHECK(seen.evictions > 0);
  CHECK(seen.swapped_out > 0);
  CHECK(seen.swapped_in > 0);
  CHECK(seen.copied_tokens > 0);
  CHECK(seen.awaited > 0);
  CHECK(seen.deferrals > 0);
  CHECK(seen.stale_rows > 0);
  CHECK(seen.chunks > 0);
  CHECK(seen.held_results > 0);
  CHECK(seen.overlapped > 0);
  CHECK(seen.empty_grants > 0);
  CHECK(seen.refused > 0);
}

TEST_CASE("whoever is cancelled, and when, the others get their tokens and all blocks come home") {
  const auto seen = perform_all(3000, Faults::cancels);

  CHECK(seen.cancelled > 0);
  CHECK(seen.stale_rows > 0);
  CHECK(seen.preemptions > 0);
}

TEST_CASE("however often the device dies, streams go on without a token lost or repeated") {
  const auto seen = perform_all(3000, Faults::crashes);

  CHECK(seen.crashes > 0);
  CHECK(seen.suspects_cleared > 0);
  CHECK(seen.late_messages > 0);
  CHECK(seen.preemptions > 0);
}

TEST_CASE("a request that crashes the device is found and ends alone, its batch mates go on") {
  const auto seen = perform_all(3000, Faults::poison);

  CHECK(seen.crashes > 0);
  CHECK(seen.condemned > 0);
  CHECK(seen.suspects_cleared > 0);
}

TEST_CASE("whatever the policy and its numbers, every request gets its tokens and one end") {
  const auto seen = perform_all(3000, Faults::none, Policies::drawn);

  CHECK(seen.preemptions > 0);
  CHECK(seen.displaced > 0);
  CHECK(seen.rejected > 0);
  CHECK(seen.chunks > 0);
  CHECK(seen.deferrals > 0);
}

TEST_CASE("whatever the policy, cancels and crashes lose nobody else a token") {
  const auto cancelled = perform_all(2000, Faults::cancels, Policies::drawn);
  const auto crashed = perform_all(2000, Faults::crashes, Policies::drawn);

  CHECK(cancelled.displaced > 0);
  CHECK(crashed.displaced > 0);
  CHECK(crashed.suspects_cleared > 0);
}

/// What the replay of a recorded performance agreed upon.
journal::ReplayReport replay_of(std::uint32_t seed, Faults faults) {
  auto recorded = journal::journal_beginning();
  perform(seed, faults, Policies::drawn, &recorded);
  recorded += journal::journal_end(journal::EndReason::stopped);
  std::istringstream in(recorded);
  auto report = journal::replay(in);
  REQUIRE(report);
  return *report;
}

TEST_CASE("what a ring recorded is replayed to the same proposals, grants and plans") {
  journal::Agreements sum;
  std::int64_t num_rings = 0;
  for (const auto faults : {Faults::none, Faults::cancels, Faults::crashes, Faults::poison}) {
    for (std::uint32_t seed = 0; seed < 400; ++seed) {
      CAPTURE(seed);
      const auto report = replay_of(seed, faults);

      CHECK_FALSE(report.damage);
      REQUIRE((report.difference ? report.difference->what + report.difference->description : "") ==
              "");
      CHECK(report.failed_rings.empty());
      CHECK(report.ending == journal::Ending::closed);
      sum.num_proposals += report.agreements.num_proposals;
      sum.num_grants += report.agreements.num_grants;
      sum.num_plans += report.agreements.num_plans;
      sum.num_refusals += report.agreements.num_refusals;
      num_rings += report.num_rings;
    }
  }

  CHECK(sum.num_plans > 10'000);
  CHECK(sum.num_grants > sum.num_plans);
  CHECK(sum.num_proposals > 10'000);
  CHECK(sum.num_refusals > 100);
  CHECK(num_rings > 1600);
}

}  // namespace
}  // namespace troupe::test
