#include "cli/step_bench.h"

#include "cli/device.h"
#include "engine/base/random.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

namespace troupe::cli {
namespace {

// A round of decode steps is long enough for the clock, and short enough that contexts stay alike.
constexpr Duration kRoundTime = std::chrono::milliseconds(250);
constexpr std::int32_t kMinRoundSteps = 4;
constexpr std::int32_t kMaxRoundSteps = 128;
constexpr std::int32_t kWarmUpSteps = 2;
constexpr RingNumber kRing{1};

TimePoint now() {
  return std::chrono::steady_clock::now();
}

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

std::int32_t largest(const std::vector<std::int32_t>& numbers, std::int32_t least) {
  return numbers.empty() ? least : std::max(least, *std::ranges::max_element(numbers));
}

/// Which blocks belong to which seat: as in a server that has run for a while, the blocks of a
/// sequence do not lie side by side. Seat 0 has more, for the prefills.
struct BlockLayout {
  std::int32_t num_seats = 1;
  std::int32_t per_seat = 1;  // blocks that every seat has
  std::int32_t of_first = 1;  // blocks of seat 0, at least `per_seat`

  [[nodiscard]] std::int32_t num_blocks() const {
    return num_seats * per_seat + of_first - per_seat;
  }

  [[nodiscard]] BlockId block(std::int32_t seat, std::int32_t index) const {
    return {index < per_seat ? index * num_seats + seat : (num_seats - 1) * per_seat + index};
  }
};

/// What follows from the plan, the options and the model's length.
struct Sizes {
  std::int32_t length = 0;  // tokens that the model takes
  std::int32_t context = 0;
  std::int32_t num_steps = 0;  // decode steps that fit behind the context
  std::int32_t block_size = 16;
  std::int32_t chunk = 0;  // tokens of a prefill step
  std::int32_t vocab_size = 0;
  BlockLayout layout;

  [[nodiscard]] std::int32_t blocks_of(std::int32_t num_tokens) const {
    return (num_tokens + block_size - 1) / block_size;
  }
};

/// Drives a backend as the stations of a ring would.
class Stage {
 public:
  Stage(Backend& backend, const Sizes& sizes) : backend_(backend), sizes_(sizes) {}

  /// Computes the context of seat 0 and copies it to all others.
  Result<void> prepare() {
    if (auto begun = backend_.begin_ring(kRing); !begun) {
      return begun;
    }
    const auto known = sizes_.context + 1;
    if (sizes_.context > 0) {
      if (auto done = compute_prompt(known, sizes_.context); !done) {
        return done;
      }
    }
    auto plan = seated(1, known);
    for (std::int32_t seat = 1; seat < sizes_.layout.num_seats; ++seat) {
      for (std::int32_t i = 0; i < sizes_.blocks_of(sizes_.context); ++i) {
        plan.copies.push_back({sizes_.layout.block(0, i), sizes_.layout.block(seat, i)});
      }
    }
    plan.rows.push_back(
        {.seat = 0, .begin = sizes_.context, .end = sizes_.context + 1, .samples = true});
    return run(std::move(plan));
  }

  /// Milliseconds of a decode step of `batch` sequences, the mean of a round.
  Result<double> decode(std::int32_t batch) {
    auto plan = seated(batch, sizes_.context + 1);
    TimePoint begin{};
    std::int32_t counted = 0;
    for (std::int32_t step = 0; step < sizes_.num_steps; ++step) {
      if (step == std::min(kWarmUpSteps, sizes_.num_steps - 1)) {
        begin = now();
        counted = 0;
      }
      const auto position = sizes_.context + step;
      for (std::int32_t seat = 0; seat < batch; ++seat) {
        plan.rows.push_back(
            {.seat = seat, .begin = position, .end = position + 1, .samples = true});
      }
      if (auto done = run(std::exchange(plan, StepPlan{})); !done) {
        return pass(std::move(done));
      }
      ++counted;
      if (step >= kWarmUpSteps && counted >= kMinRoundSteps && now() - begin >= kRoundTime) {
        break;
      }
    }
    return milliseconds(now() - begin) / counted;
  }

  /// Milliseconds of a whole prompt, until its first token is there.
  Result<double> prefill(std::int32_t num_tokens) {
    const auto begin = now();
    if (auto done = compute_prompt(num_tokens, num_tokens); !done) {
      return pass(std::move(done));
    }
    return milliseconds(now() - begin);
  }

 private:
  /// A plan that seats `batch` sequences of `known` tokens.
  [[nodiscard]] StepPlan seated(std::int32_t batch, std::int32_t known) {
    StepPlan plan;
    for (std::int32_t seat = 0; seat < batch; ++seat) {
      auto start = std::make_shared<SequenceStart>();
      start->sequence = {++num_sequences_};
      start->num_prompt_tokens = known;
      start->sampling.temperature = 0.0F;
      start->sampling.seed = 0;
      for (std::int32_t i = 0; i < known; ++i) {
        const auto bits = random_bits(0, static_cast<std::uint64_t>(i));
        start->tokens.push_back(
            static_cast<TokenId>(bits % static_cast<std::uint64_t>(sizes_.vocab_size)));
      }
      plan.seats_taken.push_back({seat, std::move(start)});
      TableGrowth growth{.seat = seat, .blocks = {}};
      const auto count = seat == 0 ? sizes_.layout.of_first : sizes_.layout.per_seat;
      for (std::int32_t i = 0; i < count; ++i) {
        growth.blocks.push_back(sizes_.layout.block(seat, i));
      }
      plan.table_growth.push_back(std::move(growth));
    }
    return plan;
  }

  /// The first `num_tokens` of `known` tokens, in seat 0.
  Result<void> compute_prompt(std::int32_t known, std::int32_t num_tokens) {
    auto plan = seated(1, known);
    for (std::int32_t begin = 0; begin < num_tokens; begin += sizes_.chunk) {
      const auto end = std::min(begin + sizes_.chunk, num_tokens);
      plan.rows.push_back({.seat = 0, .begin = begin, .end = end, .samples = end == known});
      if (auto done = run(std::exchange(plan, StepPlan{})); !done) {
        return done;
      }
    }
    return {};
  }

  Result<void> run(StepPlan plan) {
    plan.ring = kRing;
    plan.step = {++num_steps_};
    if (auto taken = backend_.enqueue(std::make_shared<const StepPlan>(std::move(plan))); !taken) {
      return taken;
    }
    if (auto result = backend_.wait(); !result) {
      return pass(std::move(result));
    }
    return {};
  }

  Backend& backend_;
  const Sizes& sizes_;
  std::uint64_t num_sequences_ = 0;
  std::uint64_t num_steps_ = 0;
};

Result<Sizes> make_sizes(const AssemblyOptions& options,
                         const StepBenchPlan& plan,
                         const ModelSpec& spec) {
  const auto length =
      std::min(options.max_model_len.value_or(spec.max_position), spec.max_position);
  const auto room = length - plan.context;
  if (room < 1) {
    return fail(ErrorCode::invalid_value,
                "a context of " + std::to_string(plan.context) +
                    " tokens leaves no room for the next, the model takes " +
                    std::to_string(length),
                "--context");
  }
  Sizes sizes{.length = length,
              .context = plan.context,
              .num_steps = std::min(room, kMaxRoundSteps + kWarmUpSteps),
              .block_size = options.block_size,
              .chunk = options.max_num_batched_tokens,
              .vocab_size = spec.vocab_size,
              .layout = {.num_seats = options.max_num_seqs}};
  std::int32_t longest = 0;
  for (const auto prefill : plan.prefills) {
    longest = prefill <= length ? std::max(longest, prefill) : longest;
  }
  sizes.layout.per_seat = sizes.blocks_of(sizes.context + sizes.num_steps);
  sizes.layout.of_first = std::max(sizes.layout.per_seat, sizes.blocks_of(longest));
  return sizes;
}

StepReport empty_report(const StepBenchPlan& plan, const Sizes& sizes) {
  StepReport report;
  for (const auto batch : plan.batches) {
    report.rows.push_back({.phase = StepPhase::decode,
                           .batch = batch,
                           .context = plan.context,
                           .num_tokens = batch,
                           .round_ms = {}});
  }
  for (const auto prefill : plan.prefills) {
    if (prefill > sizes.length) {
      report.too_long.push_back(prefill);
      continue;
    }
    report.rows.push_back({.phase = StepPhase::prefill,
                           .batch = 1,
                           .context = prefill,
                           .num_tokens = prefill,
                           .round_ms = {}});
  }
  return report;
}

Result<void> measure_round(Stage& stage, StepReport& report) {
  for (auto& row : report.rows) {
    auto ms = row.phase == StepPhase::decode ? stage.decode(row.batch) : stage.prefill(row.context);
    if (!ms) {
      return pass(std::move(ms));
    }
    row.round_ms.push_back(*ms);
  }
  return {};
}

}  // namespace

std::string_view to_string(StepPhase phase) {
  return phase == StepPhase::decode ? "decode" : "prefill";
}

double StepFigures::median_ms() const {
  return round_ms.at(round_ms.size() / 2);
}

Result<StepReport> measure_steps(AssemblyOptions options, const StepBenchPlan& plan) {
  auto model = load_model(options.model_directory);
  if (!model) {
    return pass(std::move(model));
  }
  options.max_num_seqs = largest(plan.batches, 1);
  options.max_num_batched_tokens = std::max(options.max_num_batched_tokens, options.max_num_seqs);
  auto sizes = make_sizes(options, plan, (*model)->spec);
  if (!sizes) {
    return pass(std::move(sizes));
  }
  options.num_blocks = sizes->layout.num_blocks();
  auto device = make_device(options, *model, (*model)->spec.max_position);
  if (!device) {
    return pass(std::move(device));
  }
  auto backend = device->factory();
  if (!backend) {
    return pass(std::move(backend));
  }
  auto report = empty_report(plan, *sizes);
  report.device = device->description.device;
  Stage stage(**backend, *sizes);
  if (auto prepared = stage.prepare(); !prepared) {
    return pass(std::move(prepared));
  }
  for (std::int32_t round = 0; round < plan.num_rounds; ++round) {
    if (auto measured = measure_round(stage, report); !measured) {
      return pass(std::move(measured));
    }
  }
  for (auto& row : report.rows) {
    std::ranges::sort(row.round_ms);
  }
  return report;
}

}  // namespace troupe::cli
