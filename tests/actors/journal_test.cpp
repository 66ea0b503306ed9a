// Recording in a running company: what the stations write is replayed to the same plans, whatever
// dies, and a recording that cannot go on leaves the requests alone.
#include "actors/engine_actor.h"
#include "actors/journal_file.h"
#include "actors/journal_tap.h"
#include "actors/troupe.h"
#include "engine/journal/replay.h"

#include "tests/support/actor_stage.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tiny_company.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace troupe {
namespace {

journal::ReplayReport replay_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  auto report = journal::replay(file);
  REQUIRE(report);
  return *std::move(report);
}

EngineActorState& engine_of(ActorStage& stage) {
  return *ActorStage::state_of<EngineActorState>(stage.company_state().engines[0]);
}

/// A device that dies in its next step when the fuse is lit, but never under one request alone.
CompanyParts company_on_fuse(const std::shared_ptr<bool>& fuse, const std::string& record) {
  auto backend = tiny_backend();
  backend.before_step = [fuse](const StepPlan& plan) -> Result<void> {
    if (plan.rows.size() > 1 && std::exchange(*fuse, false)) {
      throw std::runtime_error("the device is on fire");
    }
    return {};
  };
  auto parts = tiny_company(backend);
  parts.restarts.max_restarts = 1000;
  parts.record = record;
  return parts;
}

void check_answer(const ActorStage& stage, RequestId id, const GenerateRequest& request) {
  const auto& heard = stage.heard(id);
  REQUIRE(heard.finished.size() == 1);
  CHECK(heard.tokens == expected_of(request, 64).tokens);
}

/// Ten requests in a random order of messages, while the device dies now and then.
void perform(const std::string& record, std::uint32_t seed) {
  auto fuse = std::make_shared<bool>(false);
  ActorStage stage(company_on_fuse(fuse, record), seed);
  stage.run();
  std::vector<GenerateRequest> requests;
  std::vector<RequestId> ids;
  constexpr std::size_t kRequests = 10;
  while (ids.size() < kRequests || stage.step()) {
    const auto dice = stage.random()() % 100;
    if (ids.size() < kRequests && dice < 10) {
      requests.push_back(any_request(stage.random()));
      ids.push_back(stage.submit(requests.back()));
    } else if (dice == 20) {
      *fuse = true;
    } else if (ids.size() < kRequests) {
      stage.step();
    }
  }
  for (std::size_t index = 0; index < ids.size(); ++index) {
    check_answer(stage, ids[index], requests[index]);
  }
}

/// A journal that is too slow: it takes everything, and says nothing.
struct HoarderState {
  std::vector<journal::EndReason> ends;
  std::int64_t num_bytes = 0;
};

caf::behavior hoarder(caf::stateful_actor<HoarderState>* self) {
  return {
      [self](const JournalBytes& message) {
        self->state.num_bytes += static_cast<std::int64_t>(message.bytes->size());
      },
      [self](const EndJournal& end) { self->state.ends.push_back(end.reason); },
  };
}

struct WriterState {
  JournalTap tap;
  int num_noted = 0;
};

struct WriteMore {};

}  // namespace
}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::WriteMore)

namespace troupe {
namespace {

// Notes a request of a million bytes for each message.
caf::behavior writer(caf::stateful_actor<WriterState>* self, const caf::actor& journal) {
  self->state.tap = JournalTap(journal, RingNumber{1});
  return {
      [self](const WriteMore&) {
        EnqueuedRequest request;
        request.cache_salt.assign(1'000'000, 's');
        self->state.tap.note([&](auto& recorder) {
          recorder.enqueued(request, TimePoint{});
          ++self->state.num_noted;
        });
        self->state.tap.hand_over(self);
      },
      [self](const JournalWritten& written) { self->state.tap.take_receipt(written); },
  };
}

}  // namespace

TEST_CASE("what a company recorded is replayed to the same plans, in whatever order all came") {
  const TemporaryDirectory folder;
  std::int64_t num_rings = 0;
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    const auto path = folder.file(std::to_string(seed));
    perform(path, seed);

    const auto report = replay_of(path);

    REQUIRE((report.difference ? report.difference->description : "") == "");
    CHECK_FALSE(report.damage);
    CHECK(report.failed_rings.empty());
    CHECK(report.ending == journal::Ending::closed);
    CHECK(report.end_reason == journal::EndReason::stopped);
    CHECK(report.agreements.num_plans > 10);
    num_rings += report.num_rings;
  }
  CHECK(num_rings > 60);
}

TEST_CASE("a company that records says what it says without") {
  const TemporaryDirectory folder;
  for (std::uint32_t seed = 100; seed < 103; ++seed) {
    perform("", seed);
    perform(folder.file(std::to_string(seed)), seed);
  }
}

TEST_CASE("each engine of a company has a journal of its own") {
  const TemporaryDirectory folder;
  {
    auto parts = tiny_company(tiny_backend());
    parts.num_engines = 2;
    parts.record = folder.file("log");
    ActorStage stage(parts, 1);
    stage.run();
    for (int count = 0; count < 6; ++count) {
      stage.submit(any_request(stage.random()));
    }
    stage.run();
  }

  CHECK(replay_of(folder.file("log")).agreements.num_plans > 0);
  CHECK(replay_of(folder.file("log.1")).agreements.num_plans > 0);
}

TEST_CASE("a recording that is ended under way is whole up to there, and the answers go on") {
  const TemporaryDirectory folder;
  {
    auto parts = tiny_company(tiny_backend());
    parts.record = folder.file("log");
    ActorStage stage(parts, 5);
    stage.run();
    std::vector<GenerateRequest> requests;
    std::vector<RequestId> ids;
    for (int count = 0; count < 6; ++count) {
      requests.push_back(any_request(stage.random()));
      ids.push_back(stage.submit(requests.back()));
    }
    for (int count = 0; count < 120; ++count) {
      stage.step();
    }
    caf::anon_send(engine_of(stage).journal, EndJournal{journal::EndReason::backlog});
    stage.run();
    for (std::size_t index = 0; index < ids.size(); ++index) {
      check_answer(stage, ids[index], requests[index]);
    }
  }

  const auto report = replay_of(folder.file("log"));

  CHECK_FALSE(report.difference);
  CHECK(report.agreements.num_proposals > 0);
  CHECK(report.ending == journal::Ending::closed);
  CHECK(report.end_reason == journal::EndReason::backlog);
}

TEST_CASE("a station whose journal is too slow gives the recording up, and holds no more for it") {
  ActorStage stage(tiny_company(tiny_backend()), 1);
  const auto journal = stage.system().spawn(hoarder);
  const auto station = stage.system().spawn(writer, journal);
  constexpr int kMegabytes = 80;
  for (int count = 0; count < kMegabytes; ++count) {
    caf::anon_send(station, WriteMore{});
  }
  stage.run();

  const auto& kept = *ActorStage::state_of<HoarderState>(journal);
  CHECK(kept.ends == std::vector{journal::EndReason::backlog});
  CHECK(kept.num_bytes <= kMaxJournalBacklogBytes);
  CHECK(kept.num_bytes > kMaxJournalBacklogBytes - 2'000'000);
  CHECK(ActorStage::state_of<WriterState>(station)->num_noted < kMegabytes);
  caf::anon_send_exit(station, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(journal, caf::exit_reason::user_shutdown);
  stage.run();
}

TEST_CASE("a journal that keeps up takes whatever is sent, and stations know it") {
  const TemporaryDirectory folder;
  auto parts = tiny_company(tiny_backend());
  parts.record = folder.file("log");
  ActorStage recording(parts, 1);
  recording.run();
  const auto station = recording.system().spawn(writer, engine_of(recording).journal);
  constexpr int kMegabytes = 80;
  for (int count = 0; count < kMegabytes; ++count) {
    caf::anon_send(station, WriteMore{});
    recording.run();
  }

  CHECK(ActorStage::state_of<WriterState>(station)->num_noted == kMegabytes);
  CHECK(std::filesystem::file_size(folder.file("log")) > kMegabytes * 1'000'000ULL);
  caf::anon_send_exit(station, caf::exit_reason::user_shutdown);
  recording.run();
}

TEST_CASE("a journal is made new, for its owner alone, and never written over") {
  const TemporaryDirectory folder;
  const auto path = folder.file("log");
  auto made = JournalFile::create(path);
  REQUIRE(made);
  REQUIRE(made->append("first"));

  const auto again = JournalFile::create(path);

  REQUIRE_FALSE(again);
  CHECK(again.error().code == ErrorCode::io);
  CHECK(again.error().message.find(path) != std::string::npos);

  struct stat found {};

  REQUIRE(stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777U) == 0600U);
  CHECK(found.st_size == 5);
}

TEST_CASE("a company that cannot record does not start, and says which file it is about") {
  const TemporaryDirectory folder;
  auto parts = tiny_company(tiny_backend());
  parts.record = folder.file("no/such/folder/log");

  const auto troupe = Troupe::start(parts);

  REQUIRE_FALSE(troupe);
  CHECK(troupe.error().message.find(parts.record) != std::string::npos);
}

TEST_CASE("with threads of their own, too, a company's stations record what is replayed") {
  const TemporaryDirectory folder;
  {
    auto parts = tiny_company(tiny_backend());
    parts.record = folder.file("log");
    auto troupe = Troupe::start(parts);
    REQUIRE(troupe);
    std::mt19937 random(3);
    std::vector<Generation> generations;
    for (int count = 0; count < 12; ++count) {
      generations.push_back(*(*troupe)->generate(any_request(random)));
    }
    for (auto& generation : generations) {
      CHECK(generation.wait());
    }
  }

  const auto report = replay_of(folder.file("log"));

  CHECK_FALSE(report.difference);
  CHECK_FALSE(report.damage);
  CHECK(report.agreements.num_plans > 10);
  CHECK(report.ending == journal::Ending::closed);
}

}  // namespace troupe
