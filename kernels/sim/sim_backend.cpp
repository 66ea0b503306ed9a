// Each seat keeps a running hash of its tokens, so a decode costs O(1). Where content is checked,
// each slot of the simulated KV cache remembers the hash of the tokens up to the one stored there.
#include "kernels/sim/sim_backend.h"

#include "engine/base/check.h"
#include "engine/base/random.h"
#include "kernels/decoder/block_moves.h"

#include <algorithm>
#include <bit>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace troupe {
namespace {

constexpr std::uint64_t kEmptyLog = 0x5bf03635f0935efbULL;
constexpr std::uint64_t kGreedy = 0;
constexpr std::uint64_t kNeverWritten = 0;

std::uint64_t extend(std::uint64_t hash, TokenId token) {
  return mix(hash ^ static_cast<std::uint32_t>(token));
}

/// Prefixes under different salts have nothing in common, not even the same tokens.
std::uint64_t trail_mark(std::uint64_t hash, const SequenceStart& start) {
  return start.cache_salt.empty() ? hash : mix(hash ^ std::hash<std::string>{}(start.cache_salt));
}

bool is_eos(TokenId token, const SequenceStart& start) {
  return std::ranges::find(start.eos_tokens, token) != start.eos_tokens.end();
}

TokenId draw(std::uint64_t log_hash,
             std::int32_t num_tokens,
             const SequenceStart& start,
             const SimSampling& sampling) {
  const auto seed =
      start.sampling.temperature > 0.0F ? start.sampling.seed.value_or(kGreedy) : kGreedy;
  const auto num_generated = num_tokens - start.num_prompt_tokens;
  if (sampling.eos_one_in > 0 && !start.eos_tokens.empty() &&
      num_generated >= start.sampling.min_tokens &&
      random_bits(seed, log_hash) % sampling.eos_one_in == 0) {
    return start.eos_tokens.front();
  }
  const auto vocabulary = static_cast<std::uint64_t>(sampling.vocab_size);
  auto token = static_cast<TokenId>(random_bits(seed, mix(log_hash)) % vocabulary);
  for (std::size_t tries = 0; tries < start.eos_tokens.size() && is_eos(token, start); ++tries) {
    token = (token + 1) % sampling.vocab_size;
  }
  return token;
}

// Log-probabilities that no distribution has, but that are descending and repeatable.
void add_logprobs(SampledToken& sampled, const SequenceStart& start, std::int32_t vocab_size) {
  if (!start.sampling.logprobs) {
    return;
  }
  const auto entry = [&](std::int32_t rank) {
    return LogprobBits{(sampled.token + rank) % vocab_size,
                       std::bit_cast<std::uint32_t>(-0.5F * static_cast<float>(rank + 1))};
  };
  sampled.logprob = entry(0);
  for (std::int32_t rank = 0; rank < *start.sampling.logprobs; ++rank) {
    sampled.top_logprobs.push_back(entry(rank));
  }
}

/// What the device remembers of a seat.
struct Seat {
  std::shared_ptr<const SequenceStart> start;
  std::vector<BlockId> blocks;
  std::vector<TokenId> sampled;      // behind the tokens of `start`
  std::int32_t num_hashed = 0;       // leading tokens in `hash`
  std::uint64_t hash = kEmptyLog;    // of those
  std::vector<std::uint64_t> trail;  // the hash at each position; kept for content checks only

  [[nodiscard]] std::int32_t num_tokens() const {
    return start->num_tokens() + static_cast<std::int32_t>(sampled.size());
  }

  [[nodiscard]] TokenId token(std::int32_t position) const {
    const auto behind = position - start->num_tokens();
    return behind < 0 ? start->tokens[static_cast<std::size_t>(position)]
                      : sampled[static_cast<std::size_t>(behind)];
  }
};

void transfer(std::span<const std::uint64_t> from, std::span<std::uint64_t> to) {
  TROUPE_CHECK(from.front() != kNeverWritten, "a move of what was never written");
  std::ranges::copy(from, to.begin());
}

/// A step that was enqueued: its outcome, and when it will be done.
struct Pending {
  StepResult result;
  TimePoint done;
};

}  // namespace

TokenId sim_next_token(std::span<const TokenId> log,
                       const SequenceStart& start,
                       const SimSampling& sampling) {
  auto hash = kEmptyLog;
  for (const auto token : log) {
    hash = extend(hash, token);
  }
  return draw(hash, static_cast<std::int32_t>(log.size()), start, sampling);
}

Duration sim_step_time(const SimTiming& timing,
                       std::int64_t num_tokens,
                       std::int64_t num_context_tokens) {
  const auto tokens = static_cast<double>(num_tokens);
  const auto context = static_cast<double>(num_context_tokens);
  double bound_seconds = 0;
  if (timing.bytes_per_second > 0) {
    bound_seconds =
        (timing.weight_bytes + context * timing.kv_bytes_per_token) / timing.bytes_per_second;
  }
  if (timing.flops_per_second > 0) {
    bound_seconds =
        std::max(bound_seconds, tokens * timing.flops_per_token / timing.flops_per_second);
  }
  const auto bound = from_seconds(bound_seconds);
  const auto charged =
      timing.fixed + num_tokens * timing.per_token + num_context_tokens * timing.per_context_token;
  return std::max(charged, bound);
}

Duration sim_move_time(const SimTiming& timing,
                       const BackendDescription& device,
                       const StepPlan& plan) {
  const auto bytes = static_cast<double>(device.bytes_per_block);
  const auto num_swaps = static_cast<double>(plan.swaps_out.size() + plan.swaps_in.size());
  double taken = 0;
  if (device.host_link_bytes_per_second > 0) {
    taken += num_swaps * bytes / device.host_link_bytes_per_second;
  }
  if (timing.bytes_per_second > 0) {  // a copy reads and writes
    taken += 2 * static_cast<double>(plan.copies.size()) * bytes / timing.bytes_per_second;
  }
  return from_seconds(taken);
}

struct SimBackend::State {
  explicit State(SimOptions given);

  SimOptions options;
  SimSampling sampling;
  RingNumber ring;
  std::vector<Seat> seats;
  std::vector<std::uint64_t> slots;       // content checks only, as the next
  std::vector<std::uint64_t> host_slots;  // of the host tier, by token
  std::deque<Pending> pending;
  TimePoint device_free;

  [[nodiscard]] bool checks_content() const { return options.checks == SimChecks::content; }

  void take_seat(const SeatTaken& taken);
  void grow(const TableGrowth& growth);
  void move(const BlockMoves& moves);
  [[nodiscard]] std::span<std::uint64_t> block_of(std::vector<std::uint64_t>& tier,
                                                  std::int32_t block) const;
  void read(const PlanRow& row);
  void write(const PlanRow& row, StepResult& result);
  void hash_up_to(Seat& seat, std::int32_t position);
  [[nodiscard]] std::size_t slot_of(const Seat& seat, std::int32_t position) const;
  void check_context(const Seat& seat, const PlanRow& row) const;
  [[nodiscard]] Seat& seat_at(std::int32_t number);
};

SimBackend::State::State(SimOptions given) : options(std::move(given)) {
  auto& clock = options.clock;
  if (!clock.now) {
    clock.now = [] { return std::chrono::steady_clock::now(); };
  }
  if (!clock.sleep_until) {
    clock.sleep_until = [](TimePoint when) { std::this_thread::sleep_until(when); };
  }
  const auto& shape = options.description;
  TROUPE_CHECK(shape.vocab_size > 0 && shape.block_size > 0 && shape.num_blocks > 0 &&
                   shape.max_num_seqs > 0 && shape.max_num_batched_tokens > 0,
               "a simulated device without vocabulary, blocks, seats or tokens");
  sampling = SimSampling{shape.vocab_size, options.eos_one_in};
  seats.resize(static_cast<std::size_t>(shape.max_num_seqs));
  if (checks_content()) {
    const auto block_size = static_cast<std::size_t>(shape.block_size);
    slots.assign(static_cast<std::size_t>(shape.num_blocks) * block_size, kNeverWritten);
    host_slots.assign(static_cast<std::size_t>(shape.num_host_blocks) * block_size, kNeverWritten);
  }
}

Seat& SimBackend::State::seat_at(std::int32_t number) {
  TROUPE_CHECK(number >= 0 && number < options.description.max_num_seqs,
               "there is no seat " + std::to_string(number));
  return seats[static_cast<std::size_t>(number)];
}

void SimBackend::State::take_seat(const SeatTaken& taken) {
  auto& seat = seat_at(taken.seat);
  seat.start = taken.start;
  seat.blocks.clear();
  seat.sampled.clear();
  seat.trail.clear();
  seat.num_hashed = 0;
  seat.hash = kEmptyLog;
}

void SimBackend::State::grow(const TableGrowth& growth) {
  auto& seat = seat_at(growth.seat);
  for (const auto block : growth.blocks) {
    TROUPE_CHECK(block.value >= 0 && block.value < options.description.num_blocks,
                 "there is no block " + std::to_string(block.value));
    TROUPE_CHECK(std::ranges::find(seat.blocks, block) == seat.blocks.end() || !checks_content(),
                 "block " + std::to_string(block.value) + " is twice in a table");
    seat.blocks.push_back(block);
  }
}

// Where content is checked: nothing is moved that was never written.
void SimBackend::State::move(const BlockMoves& moves) {
  check_moves(moves, options.description);
  if (!checks_content()) {
    return;
  }
  for (const auto& swap : moves.out) {
    transfer(block_of(slots, swap.block.value), block_of(host_slots, swap.host_slot));
  }
  for (const auto& swap : moves.in) {
    transfer(block_of(host_slots, swap.host_slot), block_of(slots, swap.block.value));
  }
  for (const auto& copy : moves.copies) {
    transfer(block_of(slots, copy.from.value), block_of(slots, copy.to.value));
  }
}

std::span<std::uint64_t> SimBackend::State::block_of(std::vector<std::uint64_t>& tier,
                                                     std::int32_t block) const {
  const auto block_size = static_cast<std::size_t>(options.description.block_size);
  return std::span(tier).subspan(static_cast<std::size_t>(block) * block_size, block_size);
}

std::size_t SimBackend::State::slot_of(const Seat& seat, std::int32_t position) const {
  const auto block_size = options.description.block_size;
  const auto block = seat.blocks[static_cast<std::size_t>(position / block_size)];
  return static_cast<std::size_t>(block.value) * static_cast<std::size_t>(block_size) +
         static_cast<std::size_t>(position % block_size);
}

void SimBackend::State::hash_up_to(Seat& seat, std::int32_t position) {
  for (; seat.num_hashed < position; ++seat.num_hashed) {
    seat.hash = extend(seat.hash, seat.token(seat.num_hashed));
    if (checks_content()) {
      seat.trail.push_back(trail_mark(seat.hash, *seat.start));
    }
  }
}

void SimBackend::State::check_context(const Seat& seat, const PlanRow& row) const {
  for (std::int32_t position = 0; position < row.begin; ++position) {
    TROUPE_CHECK(slots[slot_of(seat, position)] == seat.trail[static_cast<std::size_t>(position)],
                 "sequence " + std::to_string(seat.start->sequence.value) + " reads at position " +
                     std::to_string(position) + " what another one wrote");
  }
}

void SimBackend::State::read(const PlanRow& row) {
  auto& seat = seat_at(row.seat);
  TROUPE_CHECK(seat.start, "a row for the empty seat " + std::to_string(row.seat));
  const auto capacity =
      static_cast<std::int64_t>(seat.blocks.size()) * options.description.block_size;
  TROUPE_CHECK(row.begin >= 0 && row.begin < row.end && row.end <= capacity,
               "a row that its blocks do not hold");
  TROUPE_CHECK(row.end <= seat.num_tokens() && row.samples == (row.end == seat.num_tokens()),
               "a row that ends at position " + std::to_string(row.end) + " of " +
                   std::to_string(seat.num_tokens()));
  hash_up_to(seat, row.end);
  if (checks_content()) {
    check_context(seat, row);
  }
}

void SimBackend::State::write(const PlanRow& row, StepResult& result) {
  auto& seat = seat_at(row.seat);
  if (checks_content()) {
    for (auto position = row.begin; position < row.end; ++position) {
      slots[slot_of(seat, position)] = seat.trail[static_cast<std::size_t>(position)];
    }
  }
  if (!row.samples) {
    return;
  }
  SampledToken sampled;
  sampled.sequence = seat.start->sequence;
  sampled.position = row.end;
  sampled.token = draw(seat.hash, row.end, *seat.start, sampling);
  add_logprobs(sampled, *seat.start, sampling.vocab_size);
  seat.sampled.push_back(sampled.token);
  result.tokens.push_back(std::move(sampled));
}

SimBackend::SimBackend(SimOptions options) : state_(std::make_unique<State>(std::move(options))) {}

SimBackend::~SimBackend() = default;

const BackendDescription& SimBackend::description() const {
  return state_->options.description;
}

Result<void> SimBackend::enqueue(std::shared_ptr<const StepPlan> plan) {
  auto& state = *state_;
  const auto& shape = state.options.description;
  TROUPE_CHECK(static_cast<std::int32_t>(state.pending.size()) < capacity(),
               "more plans than the device can hold");
  TROUPE_CHECK(plan->ring == state.ring, "a plan of another ring");
  const auto num_rows = static_cast<std::int32_t>(plan->rows.size());
  TROUPE_CHECK(num_rows <= shape.max_num_seqs && plan->num_tokens() <= shape.max_num_batched_tokens,
               "a step of " + std::to_string(num_rows) + " rows and " +
                   std::to_string(plan->num_tokens()) + " tokens");
  for (const auto& taken : plan->seats_taken) {
    state.take_seat(taken);
  }
  for (const auto& growth : plan->table_growth) {
    state.grow(growth);
  }
  state.move(moves_of(*plan));
  Pending step;
  step.result.ring = plan->ring;
  step.result.step = plan->step;
  std::int64_t num_context_tokens = 0;
  // All rows read before any writes: none may rely on what the same plan computes.
  for (const auto& row : plan->rows) {
    state.read(row);
  }
  for (const auto& row : plan->rows) {
    state.write(row, step.result);
    num_context_tokens += row.end;
  }
  const auto& timing = state.options.timing;
  const auto duration = sim_move_time(timing, shape, *plan) +
                        sim_step_time(timing, plan->num_tokens(), num_context_tokens);
  step.result.device_time = duration;
  if (duration > Duration::zero()) {
    state.device_free = std::max(state.device_free, state.options.clock.now()) + duration;
    step.done = state.device_free;
  }
  state.pending.push_back(std::move(step));
  return {};
}

Result<StepResult> SimBackend::wait() {
  auto& state = *state_;
  TROUPE_CHECK(!state.pending.empty(), "nothing to wait for");
  auto step = std::move(state.pending.front());
  state.pending.pop_front();
  if (step.result.device_time > Duration::zero()) {
    state.options.clock.sleep_until(step.done);
  }
  return std::move(step.result);
}

Result<void> SimBackend::begin_ring(RingNumber ring) {
  auto& state = *state_;
  state.ring = ring;
  state.pending.clear();
  std::ranges::fill(state.seats, Seat{});
  std::ranges::fill(state.slots, kNeverWritten);
  std::ranges::fill(state.host_slots, kNeverWritten);
  return {};
}

}  // namespace troupe
