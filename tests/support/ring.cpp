#include "tests/support/ring.h"

#include "engine/base/check.h"
#include "engine/scheduling/limits.h"

#include <algorithm>
#include <span>
#include <string>

namespace troupe::test {
namespace {

constexpr std::int32_t kMaxHops = 1'000'000;
constexpr std::int32_t kMaxEmptyTurns = 64;

std::string name(RequestId request) {
  return "request " + std::to_string(request.value);
}

template <class Range, class Value>
bool contains(const Range& range, const Value& value) {
  return std::ranges::find(range, value) != std::ranges::end(range);
}

SimOptions device_options(const RingOptions& options) {
  SimOptions device;
  device.description.device = "sim";
  device.description.num_blocks = options.config.num_blocks;
  device.description.num_host_blocks = options.num_host_blocks;
  device.description.block_size = options.config.block_size;
  device.description.max_num_seqs = options.config.max_num_seqs;
  device.description.max_num_batched_tokens = options.config.max_num_batched_tokens;
  device.description.vocab_size = options.vocab_size;
  device.eos_one_in = options.eos_one_in;
  device.checks = SimChecks::content;
  return device;
}

template <class Value>
Value pop_front(std::deque<Value>& queue) {
  auto value = std::move(queue.front());
  queue.pop_front();
  return value;
}

}  // namespace

void Sightings::add(const Sightings& other) {
  steps += other.steps;
  overlapped += other.overlapped;
  preemptions += other.preemptions;
  prefix_hits += other.prefix_hits;
  evictions += other.evictions;
  swapped_out += other.swapped_out;
  swapped_in += other.swapped_in;
  copied_tokens += other.copied_tokens;
  awaited += other.awaited;
  deferrals += other.deferrals;
  stale_rows += other.stale_rows;
  chunks += other.chunks;
  held_results += other.held_results;
  empty_grants += other.empty_grants;
  crashes += other.crashes;
  suspects_cleared += other.suspects_cleared;
  condemned += other.condemned;
  cancelled += other.cancelled;
  refused += other.refused;
  rejected += other.rejected;
  displaced += other.displaced;
  late_messages += other.late_messages;
}

Ring::Ring(RingOptions options) : options_(std::move(options)), device_(device_options(options_)) {
  make_stations();
}

void Ring::make_stations() {
  const auto& config = options_.config;
  scheduler_ = std::make_unique<Scheduler>(config, ring_, groups_);
  const MemoryConfig memory{config.num_blocks, config.block_size, config.enable_prefix_caching,
                            options_.num_host_blocks, config.scheduling.preemption};
  if (options_.journal != nullptr) {
    recorder_.emplace(ring_);
  }
  note([&](auto& recorder) { recorder.ring_began({ring_, config, memory, groups_}); });
  memory_ = std::make_unique<MemoryManager>(memory, ring_);
  tables_ = std::make_unique<NaiveTables>(config.num_blocks, config.block_size);
  TROUPE_CHECK(device_.begin_ring(ring_), "the simulated device refused a ring");
}

Result<void> Ring::submit(EnqueuedRequest request) {
  const auto id = request.request;
  TROUPE_CHECK(!logs_.contains(id), name(id) + " is submitted twice");
  auto& log = logs_[id];
  log.request = request;
  log.tokens = request.tokens;
  note([&](auto& recorder) { recorder.enqueued(request, now_); });
  auto taken = scheduler_->enqueue(std::move(request));
  if (!taken) {
    note([&](auto& recorder) { recorder.refused(id, log.request.attempt, taken.error().code); });
    ++sightings_.refused;
    log.ending = Ending::refused;
    return taken;
  }
  log.oracle = oracle_of(log.request, log.oracle_reason);
  enqueued_.insert(id);
  num_empty_turns_ = 0;
  propose();
  return taken;
}

std::vector<TokenId> Ring::oracle_of(const EnqueuedRequest& request, FinishReason& reason) const {
  const auto& eos = options_.config.eos_tokens;
  const auto& sampling = request.sampling;
  SequenceStart start;
  start.num_prompt_tokens = request.num_prompt_tokens;
  start.sampling = sampling;
  start.eos_tokens = eos;
  auto tokens = request.tokens;
  const auto limit = static_cast<std::size_t>(std::min(
      request.num_prompt_tokens + request.max_output_tokens, options_.config.max_model_len));
  reason = FinishReason::length;
  while (tokens.size() < limit) {
    const auto generated = static_cast<std::int32_t>(tokens.size()) - request.num_prompt_tokens;
    const auto token = sim_next_token(tokens, start, {options_.vocab_size, options_.eos_one_in});
    tokens.push_back(token);
    const auto ends =
        (contains(eos, token) && !sampling.ignore_eos) || contains(sampling.stop_token_ids, token);
    if (ends && generated >= sampling.min_tokens) {
      reason = FinishReason::stop;
      return tokens;
    }
  }
  return tokens;
}

void Ring::cancel(RequestId request) {
  note([&](auto& recorder) { recorder.cancelled(request); });
  scheduler_->cancel(request);
  num_empty_turns_ = 0;
  if (!logs_.at(request).ending) {
    ++sightings_.cancelled;
    take_leave(request, Ending::cancelled);
  }
  check_population();
  propose();
}

void Ring::take_leave(RequestId request, Ending ending) {
  auto& log = logs_.at(request);
  TROUPE_CHECK(!log.ending, name(request) + " ends twice");
  log.ending = ending;
  enqueued_.erase(request);
  std::erase(thrown_out_, request);
}

void Ring::propose() {
  note([&](auto& recorder) { recorder.asked(now_); });
  auto next = scheduler_->propose(now_);
  if (next) {
    note([&](auto& recorder) { recorder.proposed(*next); });
  }
  for (const auto& rejection : scheduler_->take_rejections()) {
    note([&](auto& recorder) {
      recorder.refused(rejection.request, rejection.attempt, rejection.error.code);
    });
    TROUPE_CHECK(rejection.error.code == ErrorCode::deadline_exceeded, "rejected without a reason");
    ++sightings_.rejected;
    take_leave(rejection.request, Ending::refused);
  }
  if (next) {
    TROUPE_CHECK(!proposal_ && grants_.empty(), "a second proposal before the grant");
    check_proposal(*next);
    proposal_ = std::move(next);
  }
}

bool Ring::settle() {
  if (!proposal_) {
    return false;
  }
  for (const auto& candidate : proposal_->candidates) {
    if (candidate.admission) {
      request_of_[candidate.sequence] = candidate.admission->request;
    }
  }
  auto settled = memory_->settle(*proposal_);
  note([&](auto& recorder) { recorder.settled(settled.granted, settled.plan.get()); });
  memory_->audit();
  tables_->follow(*proposal_, settled.granted, settled.plan.get());
  TROUPE_CHECK(settled.granted.num_free_blocks == memory_->num_free_blocks(), "counters differ");
  look_at(*proposal_, settled.granted);
  proposal_.reset();
  if (settled.plan) {
    for (const auto& row : settled.granted.rows) {
      plan_sequences_[settled.plan->step].push_back(row.sequence);
    }
    check_company(*settled.plan);
    plans_.push_back(std::move(settled.plan));
  }
  last_grant_ = settled.granted;
  grants_.push_back(std::move(settled.granted));
  return true;
}

void Ring::look_at(const StepProposal& proposal, const StepGranted& granted) {
  sightings_.preemptions += std::ssize(granted.preempted);
  sightings_.deferrals += std::ssize(granted.deferred);
  sightings_.empty_grants += granted.plan_sent ? 0 : 1;
  for (const auto& row : granted.rows) {
    const auto& candidate =
        *std::ranges::find(proposal.candidates, row.sequence, &Candidate::sequence);
    sightings_.prefix_hits += candidate.admission && row.begin > 0 ? 1 : 0;
    sightings_.chunks += row.samples ? 0 : 1;
    sightings_.stale_rows += logs_.at(request_of_.at(row.sequence)).ending ? 1 : 0;
  }
  for (const auto& candidate : proposal.candidates) {
    sightings_.displaced +=
        candidate.displaces && contains(granted.preempted, *candidate.displaces) ? 1 : 0;
  }
  for (const auto sequence : granted.preempted) {
    const auto count = ++num_preemptions_[request_of_.at(sequence)];
    TROUPE_CHECK(count <= kMaxPreemptions || !groups_.empty(), "a sequence is preempted for ever");
  }
}

std::vector<RequestId> Ring::requests_of(const StepPlan& plan) const {
  std::vector<RequestId> requests;
  for (const auto sequence : plan_sequences_.at(plan.step)) {
    requests.push_back(request_of_.at(sequence));
  }
  return requests;
}

bool Ring::deliver_grant() {
  if (grants_.empty()) {
    return false;
  }
  const auto granted = pop_front(grants_);
  last_acknowledged_ = granted.step;
  num_empty_turns_ = granted.plan_sent ? 0 : num_empty_turns_ + 1;
  TROUPE_CHECK(num_empty_turns_ <= kMaxEmptyTurns, "the ring turns without computing anything");
  acknowledge(granted);
  propose();
  return true;
}

bool Ring::enqueue_plan() {
  if (plans_.empty() || std::ssize(on_device_) >= device_.capacity()) {
    return false;
  }
  TROUPE_CHECK(device_.enqueue(plans_.front()), "the simulated device refused a plan");
  on_device_.push_back(pop_front(plans_));
  sightings_.overlapped += on_device_.size() > 1 ? 1 : 0;
  return true;
}

bool Ring::finish_step() {
  if (on_device_.empty()) {
    return false;
  }
  const auto requests = requests_of(*on_device_.front());
  if (std::ranges::any_of(requests, [&](RequestId one) { return poisoned_.contains(one); })) {
    return crash();
  }
  auto result = device_.wait();
  TROUPE_CHECK(result, "the simulated device failed");
  on_device_.pop_front();
  results_.push_back(*std::move(result));
  ++sightings_.steps;
  return true;
}

bool Ring::deliver_result() {
  if (results_.empty()) {
    return false;
  }
  const auto result = pop_front(results_);
  sightings_.held_results += result.step > last_acknowledged_ ? 1 : 0;
  num_empty_turns_ = 0;
  apply(result);
  propose();
  return true;
}

bool Ring::deliver_late() {
  if (!late_grants_.empty()) {
    acknowledge(pop_front(late_grants_));
  } else if (!late_results_.empty()) {
    apply(pop_front(late_results_));
  } else {
    return false;
  }
  ++sightings_.late_messages;
  propose();
  return true;
}

void Ring::acknowledge(const StepGranted& granted) {
  note([&](auto& recorder) { recorder.grant_arrived(granted); });
  hear(scheduler_->acknowledge(granted));
}

void Ring::apply(const StepResult& result) {
  note([&](auto& recorder) { recorder.result_arrived(result); });
  hear(scheduler_->apply(result));
}

void Ring::hear(const StepOutcome& outcome) {
  for (const auto& tokens : outcome.tokens) {
    hear(tokens);
  }
  sightings_.suspects_cleared += std::ssize(outcome.cleared_suspects);
  suspects_.clear(outcome.cleared_suspects);
  for (const auto request : outcome.cleared_suspects) {
    uncleared_.erase(request);
  }
  check_population();
}

void Ring::hear(const RequestTokens& tokens) {
  auto& log = logs_.at(tokens.request);
  const auto who = name(tokens.request);
  TROUPE_CHECK(!log.ending, who + " hears a token after its end");
  TROUPE_CHECK(tokens.attempt == log.request.attempt, who + " hears of another attempt");
  TROUPE_CHECK(tokens.position == std::ssize(log.tokens), who + " hears positions with a gap");
  TROUPE_CHECK(tokens.position < std::ssize(log.oracle) &&
                   tokens.token == log.oracle[static_cast<std::size_t>(tokens.position)],
               who + " hears a wrong token at position " + std::to_string(tokens.position));
  log.tokens.push_back(tokens.token);
  log.num_cached_tokens = tokens.num_cached_tokens;
  log.num_preemptions = tokens.num_preemptions;
  TROUPE_CHECK(tokens.finished.has_value() == (log.tokens.size() == log.oracle.size()),
               who + " ends at the wrong place");
  if (tokens.finished) {
    TROUPE_CHECK(*tokens.finished == log.oracle_reason, who + " ends for the wrong reason");
    TROUPE_CHECK(tokens.stopped_by_token == (*tokens.finished == FinishReason::stop),
                 who + " ends for the wrong reason");
    take_leave(tokens.request,
               *tokens.finished == FinishReason::stop ? Ending::stop : Ending::length);
  }
}

bool Ring::crash() {
  if (on_device_.empty()) {
    return false;
  }
  ++sightings_.crashes;
  begin_ring(requests_of(*on_device_.front()));
  return true;
}

void Ring::begin_ring(const std::vector<RequestId>& suspects) {
  std::vector<RequestId> live_suspects;
  for (const auto request : suspects) {
    if (!logs_.at(request).ending) {
      live_suspects.push_back(request);
    }
  }
  count_memory(sightings_);
  for (const auto request : suspects_.crashed(live_suspects)) {
    ++sightings_.condemned;
    take_leave(request, Ending::worker_lost);
  }
  thrown_out_.insert(thrown_out_.end(), enqueued_.begin(), enqueued_.end());
  enqueued_.clear();
  late_grants_.insert(late_grants_.end(), grants_.begin(), grants_.end());
  late_results_.insert(late_results_.end(), results_.begin(), results_.end());
  proposal_.reset();
  grants_.clear();
  plans_.clear();
  on_device_.clear();
  results_.clear();
  request_of_.clear();
  plan_sequences_.clear();
  num_preemptions_.clear();
  last_acknowledged_ = StepNumber{};
  num_empty_turns_ = 0;
  ++ring_.value;
  groups_ = suspects_.groups();
  uncleared_.clear();
  for (const auto& group : groups_) {
    uncleared_.insert(group.begin(), group.end());
  }
  make_stations();
}

bool Ring::return_request() {
  if (thrown_out_.empty()) {
    return false;
  }
  const auto id = pop_front(thrown_out_);
  auto& log = logs_.at(id);
  ++log.request.attempt.value;
  auto request = log.request;
  request.tokens = log.tokens;
  note([&](auto& recorder) { recorder.enqueued(request, now_); });
  const auto taken = scheduler_->enqueue(std::move(request));
  TROUPE_CHECK(taken, name(id) + " is turned away after a crash: " + taken.error().message);
  enqueued_.insert(id);
  num_empty_turns_ = 0;
  check_population();
  propose();
  return true;
}

void Ring::count_memory(Sightings& sightings) const {
  const auto& statistics = memory_->statistics();
  sightings.evictions += statistics.num_evicted_blocks;
  sightings.swapped_out += statistics.num_swapped_out_blocks;
  sightings.swapped_in += statistics.num_swapped_in_blocks;
  sightings.copied_tokens += statistics.num_copied_tokens;
  sightings.awaited += statistics.num_awaited;
}

Sightings Ring::sightings() const {
  auto sightings = sightings_;
  count_memory(sightings);
  return sightings;
}

bool Ring::moving() const {
  return proposal_ || !grants_.empty() || !plans_.empty() || !on_device_.empty() ||
         !results_.empty() || !thrown_out_.empty() || !late_grants_.empty() ||
         !late_results_.empty();
}

void Ring::run_until_silent() {
  for (std::int32_t hop = 0; moving(); ++hop) {
    TROUPE_CHECK(hop < kMaxHops, "the ring never comes to rest");
    const auto moved = return_request() || deliver_late() || settle() || enqueue_plan() ||
                       deliver_grant() || finish_step() || deliver_result();
    TROUPE_CHECK(moved, "the ring is stuck");
  }
  check_silence();
}

void Ring::check_silence() {
  TROUPE_CHECK(!moving(), "something is under way");
  note([&](auto& recorder) { recorder.asked(now_); });
  TROUPE_CHECK(!scheduler_->propose(now_), "a silent ring has something to propose");
  for (const auto& [request, log] : logs_) {
    TROUPE_CHECK(log.ending.has_value(), name(request) + " was left behind");
  }
  TROUPE_CHECK(
      memory_->num_free_blocks() == memory_->num_total_blocks() && tables_->holders().empty(),
      "blocks did not come home");
}

}  // namespace troupe::test
