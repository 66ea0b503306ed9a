#include "rehearsal/performance.h"

#include "engine/text/prompt_encoder.h"
#include "engine/text/tokenizer.h"

#include "rehearsal/actor_stage.h"
#include "rehearsal/audience.h"
#include "rehearsal/device.h"
#include "rehearsal/house_watch.h"
#include "rehearsal/incidents.h"
#include "rehearsal/listener.h"
#include "rehearsal/play.h"
#include "rehearsal/violation.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <utility>

namespace troupe::rehearsal {
namespace {

constexpr std::uint64_t kSeedOfCompany = 17;
/// Longer than anything is kept, and than any timer runs.
constexpr auto kLongSilence = std::chrono::hours(1);

constexpr std::array<Sight, kPolicyNames.size()> kPolicySights{
    Sight::fcfs, Sight::priority, Sight::aging,        Sight::mlfq,
    Sight::fair, Sight::deadline, Sight::static_batch, Sight::static_bucketed};

/// The device's time: a step that takes its while moves the clock of the stage when the message is
/// handled in which the worker waited for it.
struct DeviceClock {
  TimePoint now;
  TimePoint until;
};

class Performance {
 public:
  Performance(const Play& play,
              const std::shared_ptr<const Tokenizer>& tokenizer,
              const Trace& trace);

  void run();

  Sightings sightings;

  [[nodiscard]] std::uint64_t digest() const { return watch_.digest(); }

 private:
  CompanyParts make_parts(const std::shared_ptr<const Tokenizer>& tokenizer);
  void note_play();
  bool step();
  void arrive();
  void name(Client& client, RequestId id);
  void run_to_silence();
  void close();

  const Play& play_;
  std::shared_ptr<DeviceFaults> faults_ = std::make_shared<DeviceFaults>();
  std::shared_ptr<DeviceClock> clock_ = std::make_shared<DeviceClock>();
  Audience audience_;
  ActorStage stage_;
  HouseWatch watch_;
  Incidents incidents_;
  std::size_t num_arrived_ = 0;
};

Performance::Performance(const Play& play,
                         const std::shared_ptr<const Tokenizer>& tokenizer,
                         const Trace& trace)
    : play_(play),
      audience_(play, [this] { return stage_.now(); }),
      stage_(make_parts(tokenizer), play.seed),
      watch_(play, stage_, audience_, sightings),
      incidents_(play, stage_, audience_, *faults_, sightings) {
  faults_->hopeless = play.is_hopeless;
  clock_->now = stage_.now();
  clock_->until = clock_->now;
  watch_.set_trace(trace);
  watch_.on_taken = [this](const caf::actor_addr& asking, RequestId id) {
    for (auto& client : audience_.clients()) {
      if (client.listener == asking) {
        name(client, id);
      }
    }
  };
  stage_.set_watcher(&watch_);
  note_play();
}

CompanyParts Performance::make_parts(const std::shared_ptr<const Tokenizer>& tokenizer) {
  CompanyParts parts;
  parts.model = play_.model;
  parts.engine = play_.engine;
  parts.num_engines = play_.num_engines;
  parts.num_text_actors = play_.num_text_actors;
  parts.restarts = play_.restarts;
  parts.completed = play_.completed;
  parts.seed = kSeedOfCompany;
  parts.tokenizer = tokenizer;
  parts.encoder = std::make_shared<PromptEncoder>(tokenizer, nullptr);
  auto device = play_.device;
  device.clock.now = [clock = clock_] { return clock->now; };
  device.clock.sleep_until = [clock = clock_](TimePoint when) {
    clock->until = std::max(clock->until, when);
  };
  parts.backend = [device, faults = faults_]() -> Result<std::unique_ptr<Backend>> {
    return make_rehearsal_device(device, faults);
  };
  return parts;
}

void Performance::note_play() {
  const auto& scheduling = play_.engine.scheduling;
  sightings.see(kPolicySights[static_cast<std::size_t>(scheduling.policy)]);
  sightings.see(Sight::reserved_admission, scheduling.admission == AdmissionMode::reserve ? 1 : 0);
  sightings.see(Sight::two_engines, play_.num_engines > 1 ? 1 : 0);
  for (const auto& planned : play_.requests) {
    sightings.see(Sight::poisonous, planned.is_poisonous ? 1 : 0);
  }
}

bool Performance::step() {
  const auto moved = stage_.step();
  if (clock_->until > clock_->now) {
    stage_.pass(clock_->until - clock_->now);
  }
  clock_->now = stage_.now();
  clock_->until = clock_->now;
  return moved;
}

void Performance::arrive() {
  const auto& planned = play_.requests[num_arrived_++];
  sightings.see(Sight::request);
  auto& client = audience_.arrive(planned);
  auto sink = audience_.connect(client);
  if (play_.door == Door::actors) {
    auto request = std::make_shared<const GenerateRequest>(planned.request);
    client.listener =
        stage_.system().spawn(listener, stage_.company(), std::move(request), std::move(sink));
    return;
  }
  name(client, stage_.submit(planned.request, std::move(sink)));
}

void Performance::name(Client& client, RequestId id) {
  audience_.name(client, id, kSeedOfCompany);
  if (client.planned->is_poisonous) {
    faults_->poisonous.insert(id);
  }
}

void Performance::run() {
  auto& random = stage_.random();
  for (std::int32_t event = 0; event < play_.num_events || num_arrived_ < play_.requests.size();) {
    if (incidents_.curtain_fell()) {
      break;
    }
    const auto left = num_arrived_ < play_.requests.size();
    if (left && random.one_in(play_.arrival_one_in)) {
      arrive();
      ++event;
      continue;
    }
    const auto happened = event < play_.num_events && incidents_.happen();
    const auto moved = !happened && step();
    if (!happened && !moved && left) {
      arrive();
    }
    ++event;
  }
  if (!incidents_.curtain_fell()) {
    incidents_.end();
    run_to_silence();
    incidents_.check_answers();
  }
  close();
}

// When faults have stopped, everybody gets to an end, and then nobody moves.
void Performance::run_to_silence() {
  while (step()) {
  }
  watch_.check_silence();
  audience_.check_ends(sightings);
  // What is kept is given up, and the timers of the past find nobody.
  stage_.pass(kLongSilence);
  while (step()) {
  }
  stage_.pass(kLongSilence);
  TROUPE_PROMISE(!step(), "L4 silence", "a timer runs although there is nothing to do");
}

void Performance::close() {
  audience_.excuses.curtain = true;
  watch_.look_away();
  const auto num_left = stage_.close();
  TROUPE_PROMISE(num_left == 0, "L5 nothing is left",
                 std::to_string(num_left) + " actors outlive their company");
  audience_.check();
  if (incidents_.curtain_fell()) {
    audience_.check_all_told();
  }
}

}  // namespace

Outcome perform(std::uint64_t seed,
                const std::shared_ptr<const Tokenizer>& tokenizer,
                const Trace& trace) {
  const auto play = draw_play(seed);
  Performance performance(play, tokenizer, trace);
  Outcome outcome;
  try {
    performance.run();
  } catch (const Violation& violation) {
    outcome.broken = BrokenPromise{violation.promise(), violation.what()};
  } catch (const std::exception& exception) {
    outcome.broken = BrokenPromise{"no check fails", exception.what()};
  }
  outcome.sightings = performance.sightings;
  outcome.digest = performance.digest();
  return outcome;
}

}  // namespace troupe::rehearsal
