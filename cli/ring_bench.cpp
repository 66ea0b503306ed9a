#include "cli/ring_bench.h"

#include "actors/troupe.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace troupe::cli {
namespace {

constexpr std::int32_t kPromptTokens = 8;

TimePoint now() {
  return std::chrono::steady_clock::now();
}

double microseconds(Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

// When plans with all sequences in them reached the device. Written by the worker's thread, read
// when all requests have ended.
struct PlanTimes {
  std::size_t num_sequences = 0;
  std::vector<TimePoint> times;
};

// Passes everything on and notes when the full plans came.
class TimedBackend : public Backend {
 public:
  TimedBackend(std::unique_ptr<Backend> inner, std::shared_ptr<PlanTimes> plans)
      : inner_(std::move(inner)), plans_(std::move(plans)) {}

  const BackendDescription& description() const override { return inner_->description(); }

  std::int32_t capacity() const override { return inner_->capacity(); }

  Result<void> enqueue(std::shared_ptr<const StepPlan> plan) override {
    if (plan->rows.size() == plans_->num_sequences) {
      plans_->times.push_back(now());
    }
    return inner_->enqueue(std::move(plan));
  }

  Result<StepResult> wait() override { return inner_->wait(); }

  Result<void> begin_ring(RingNumber ring) override { return inner_->begin_ring(ring); }

 private:
  std::unique_ptr<Backend> inner_;
  std::shared_ptr<PlanTimes> plans_;
};

void time_plans(CompanyParts& parts, const std::shared_ptr<PlanTimes>& plans) {
  parts.backend = [make = std::move(parts.backend), plans]() -> Result<std::unique_ptr<Backend>> {
    auto made = make();
    if (!made) {
      return pass(std::move(made));
    }
    return std::unique_ptr<Backend>(std::make_unique<TimedBackend>(std::move(*made), plans));
  };
}

GenerateRequest make_request(std::int32_t number, std::int32_t num_tokens) {
  GenerateRequest request;
  // Prompts that differ in their first token share nothing in the prefix cache.
  request.prompt = TokenPrompt{std::vector<TokenId>(kPromptTokens, 1 + number % 64)};
  request.sampling.temperature = 0.0F;
  request.sampling.ignore_eos = true;
  request.sampling.max_tokens = num_tokens;
  return request;
}

AssemblyOptions make_options(AssemblyOptions options,
                             std::int32_t num_sequences,
                             std::int32_t num_tokens) {
  const auto blocks_of_one = (kPromptTokens + num_tokens) / options.block_size + 1;
  options.device = "sim";
  options.max_num_seqs = num_sequences;
  options.max_num_batched_tokens = std::max(options.max_num_batched_tokens, 2 * num_sequences);
  options.max_num_queued_requests = num_sequences;
  options.num_blocks = blocks_of_one * num_sequences;
  return options;
}

RingFigures figures_of(const PlanTimes& plans, TimePoint end) {
  RingFigures figures;
  figures.num_sequences = static_cast<std::int32_t>(plans.num_sequences);
  std::vector<double> intervals;
  for (std::size_t i = 1; i < plans.times.size(); ++i) {
    intervals.push_back(microseconds(plans.times[i] - plans.times[i - 1]));
  }
  if (intervals.empty()) {
    return figures;
  }
  const auto count = static_cast<double>(intervals.size());
  std::ranges::sort(intervals);
  figures.num_iterations = static_cast<std::int64_t>(intervals.size());
  figures.mean_us = microseconds(plans.times.back() - plans.times.front()) / count;
  figures.p50_us = intervals[intervals.size() / 2];
  figures.p99_us = intervals[intervals.size() * 99 / 100];
  figures.delivered_us = microseconds(end - plans.times.front()) / count;
  return figures;
}

}  // namespace

Result<RingFigures> measure_ring(AssemblyOptions options,
                                 std::int32_t num_sequences,
                                 std::int32_t num_tokens) {
  auto assembly = assemble(make_options(std::move(options), num_sequences, num_tokens));
  if (!assembly) {
    return pass(std::move(assembly));
  }
  auto plans = std::make_shared<PlanTimes>();
  plans->num_sequences = static_cast<std::size_t>(num_sequences);
  plans->times.reserve(static_cast<std::size_t>(num_tokens) * 2);
  time_plans(assembly->parts, plans);
  auto company = Troupe::start(std::move(assembly->parts));
  if (!company) {
    return pass(std::move(company));
  }
  std::vector<Generation> generations;
  generations.reserve(plans->num_sequences);
  for (std::int32_t number = 0; number < num_sequences; ++number) {
    auto generation = (*company)->generate(make_request(number, num_tokens));
    if (!generation) {
      return pass(std::move(generation));
    }
    generations.push_back(std::move(*generation));
  }
  for (auto& generation : generations) {
    if (auto completion = generation.wait(); !completion) {
      return pass(std::move(completion));
    }
  }
  return figures_of(*plans, now());
}

}  // namespace troupe::cli
