#include "engine/simulation/study.h"

#include "engine/base/check.h"
#include "engine/simulation/bound.h"
#include "engine/simulation/generator.h"
#include "engine/simulation/padded_batches.h"
#include "engine/simulation/study_drive.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>

namespace troupe::simulation {
namespace {

constexpr std::int32_t kBlockSize = 16;
constexpr std::int32_t kStreamBatch = 32;
constexpr std::int32_t kSpreadRequests = 1280;
constexpr std::int32_t kPrefixRequests = 1000;
constexpr double kMeanOutput = 370;  // of the published comparison
constexpr double kMeanPrompt = 160;
constexpr double kBusyLoad = 0.9;  // of what the device can do
constexpr std::int32_t kUrgentOneIn = 10;
constexpr std::int32_t kUrgentPriority = 5;
/// Of what a full batch of the list's longest requests needs.
constexpr double kScarceShare = 0.5;

using List = std::shared_ptr<const Workload>;

struct Stream {
  List list;
  std::string arrivals;
  double rate = 0;
};

/// Requests a second that a batch always full would end: what continuous batching can reach.
double capacity(const Workload& list, std::int32_t batch, const StudyDevice& device) {
  double prompt = 0;
  double output = 0;
  for (const auto& request : list.requests) {
    prompt += request.num_prompt_tokens;
    output += request.num_output_tokens;
  }
  const auto count = static_cast<double>(std::max<std::size_t>(list.requests.size(), 1));
  prompt /= count;
  output /= count;
  StepShape decodes;
  decodes.num_decodes = batch;
  decodes.num_decode_context = static_cast<std::int64_t>(batch * (prompt + output / 2));
  const auto prefill = device.cost(whole_prompts(1, std::llround(prompt)));
  const auto seconds = in_seconds(device.cost(decodes)) * output / batch + in_seconds(prefill);
  return seconds > 0 ? 1.0 / seconds : 1.0;
}

std::string at_load(double load, const std::string& arrivals) {
  return arrivals + " (" + std::to_string(std::lround(100 * load)) + " %)";
}

class Planner {
 public:
  Planner(const StudyOptions& options, const StudyDevice& device)
      : options_(options), device_(device) {
    for (const auto& list : options.lists) {
      lists_.push_back(shared(with_arrivals(list, AllAtOnce{}, options.seed)));
    }
  }

  std::vector<StudyCase> plan() {
    for (const auto& list : lists_) {
      const auto begun = shared(first_of(*list, options_.max_modelled_requests));
      for (const auto batch : options_.batches) {
        add_each(StudyPart::gain, {list, "all at once", 0}, batch, kBatching);
        add_each(StudyPart::modelled, {begun, "all at once", 0}, batch, kModelled);
      }
    }
    add_spreads();
    if (!options_.lists.empty()) {
      add_streams(options_.lists.front());
    }
    add_prefixes();
    std::ranges::stable_sort(cases_, std::greater<>(), weight_of);
    return std::move(cases_);
  }

 private:
  using Names = std::vector<std::string_view>;
  const Names kBatching = {"static", "static-bucketed", "continuous"};
  const Names kModelled = {"static", "static-bucketed", "continuous", "chunked"};
  const Names kCaching = {"chunked", "prefix-cache"};

  static List shared(Workload made) { return std::make_shared<const Workload>(std::move(made)); }

  void add(StudyPart part, const Stream& stream, std::int32_t batch, const StudyPolicy& policy) {
    cases_.push_back({part, stream.list, stream.arrivals, stream.rate, &policy, batch});
  }

  void add_each(StudyPart part, const Stream& stream, std::int32_t batch, const Names& names) {
    for (const auto name : names) {
      const auto* policy = find_study_policy(name);
      const auto asked = std::ranges::find(options_.policies, policy) != options_.policies.end();
      if (asked || name == "static") {
        add(part, stream, batch, *policy);
      }
    }
  }

  /// The lists that say which prompts begin alike, and one of a few system prompts.
  void add_prefixes() {
    GeneratorOptions generator;
    generator.name = "16 system prompts";
    generator.num_requests = kPrefixRequests;
    generator.prompt = NormalLengths{1500, 200};
    generator.output = NormalLengths{200, 100};
    generator.num_shared_beginnings = 16;
    generator.shared_tokens = 1024;
    std::vector<List> lists = {shared(generate(generator, options_.seed))};
    std::ranges::copy_if(lists_, std::back_inserter(lists),
                         [](const List& list) { return list->prefix_block_tokens > 0; });
    for (const auto& list : lists) {
      add_each(StudyPart::prefixes, {list, "all at once", 0}, kStreamBatch, kCaching);
    }
  }

  void add_spreads() {
    const std::vector<std::pair<std::string, LengthLaw>> laws = {
        {"sigma 10", NormalLengths{kMeanOutput, 10}},
        {"sigma 50", NormalLengths{kMeanOutput, 50}},
        {"sigma 200", NormalLengths{kMeanOutput, 200}},
        {"set 50..1000", ChoiceOfLengths{{50, 100, 200, 500, 1000}}},
        {"lognormal", LognormalLengths{150, 0.8, 8, 4096}}};
    for (const auto& [name, law] : laws) {
      GeneratorOptions generator;
      generator.name = name;
      generator.num_requests = kSpreadRequests;
      generator.prompt = NormalLengths{kMeanPrompt, kMeanPrompt / 4};
      generator.output = law;
      const auto list = shared(generate(generator, options_.seed));
      for (const auto batch : options_.batches) {
        add_each(StudyPart::spread, {list, "all at once", 0}, batch, kBatching);
      }
    }
  }

  void add_streams(const Workload& whole) {
    const auto list = first_of(whole, options_.max_stream_requests);
    const auto full = capacity(list, kStreamBatch, device_);
    for (const double load : {0.5, 0.8, kBusyLoad}) {
      const auto law = PoissonArrivals{full * load};
      add_each(StudyPart::arrivals,
               {shared(with_arrivals(list, law, options_.seed)), at_load(load, describe(law)),
                full * load},
               kStreamBatch, kModelled);
    }
    const BurstArrivals bursts{2 * kStreamBatch,
                               Duration(std::llround(2e9 * kStreamBatch / (full * kBusyLoad)))};
    add_each(StudyPart::arrivals,
             {shared(with_arrivals(list, bursts, options_.seed)),
              at_load(kBusyLoad, describe(bursts)), full * kBusyLoad},
             kStreamBatch, kModelled);
    const auto last = in_seconds(list.requests.back().arrival);
    if (last > 0) {
      add_each(StudyPart::arrivals,
               {shared(list), "as recorded", static_cast<double>(list.requests.size()) / last},
               kStreamBatch, kModelled);
    }
    const auto law = PoissonArrivals{full * kBusyLoad};
    const auto busy = with_arrivals(list, law, options_.seed);
    const Stream stream{
        shared(with_urgent_ones(busy, kUrgentOneIn, kUrgentPriority, options_.seed)),
        at_load(kBusyLoad, describe(law)), full * kBusyLoad};
    for (const auto* policy : options_.policies) {
      add(StudyPart::policies, stream, kStreamBatch, *policy);
    }
  }

  const StudyOptions& options_;
  const StudyDevice& device_;
  std::vector<List> lists_;
  std::vector<StudyCase> cases_;
};

/// What a case needs of the engine's numbers.
struct Extent {
  std::int64_t longest_prompt = 0;
  std::int64_t longest = 0;  // prompt and output
};

Extent extent_of(const Workload& list) {
  Extent extent;
  for (const auto& request : list.requests) {
    extent.longest_prompt =
        std::max<std::int64_t>(extent.longest_prompt, request.num_prompt_tokens);
    extent.longest = std::max<std::int64_t>(
        extent.longest, std::int64_t{request.num_prompt_tokens} + request.num_output_tokens);
  }
  return extent;
}

std::int32_t narrow(std::int64_t number) {
  return static_cast<std::int32_t>(
      std::min<std::int64_t>(number, std::numeric_limits<std::int32_t>::max()));
}

std::int64_t blocks_of(std::int64_t tokens) {
  return (tokens + kBlockSize - 1) / kBlockSize;
}

std::int64_t num_blocks(const StudyCase& one, const Extent& extent, const StudyDevice& device) {
  const auto whole_batch = one.batch * blocks_of(extent.longest);
  if (counts_steps(one.part)) {
    return whole_batch;
  }
  const auto all =
      static_cast<std::int64_t>(device.kv_memory_bytes / device.kv_bytes_per_token) / kBlockSize;
  if (one.policy->supply == KvSupply::all) {
    return std::max<std::int64_t>(1, all);
  }
  const auto lengths = output_lengths(*one.list);
  double mean = 0;
  for (const auto& request : one.list->requests) {
    mean += request.num_prompt_tokens + request.num_output_tokens;
  }
  mean /= static_cast<double>(std::max<std::size_t>(lengths.size(), 1));
  const auto scarce = static_cast<std::int64_t>(kScarceShare * one.batch * mean) / kBlockSize;
  return std::min(all, std::max(scarce, blocks_of(extent.longest)));
}

VirtualEngineOptions drive_options(const StudyCase& one, const StudyDevice& device) {
  const auto extent = extent_of(*one.list);
  const auto& policy = *one.policy;
  VirtualEngineOptions options;
  auto& engine = options.engine;
  engine.block_size = kBlockSize;
  engine.num_blocks = narrow(num_blocks(one, extent, device));
  engine.max_model_len = narrow(extent.longest);
  engine.max_num_seqs = one.batch;
  engine.max_num_batched_tokens =
      policy.step_tokens > 0 ? policy.step_tokens
                             : narrow(one.batch * std::max<std::int64_t>(extent.longest_prompt, 2));
  engine.max_num_queued_requests = std::numeric_limits<std::int32_t>::max();
  engine.enable_prefix_caching = policy.prefix_cache || policy.preemption == PreemptionMode::swap;
  engine.scheduling.policy = policy.scheduling;
  engine.scheduling.admission = policy.admission;
  engine.scheduling.preemption = policy.preemption;
  engine.scheduling.max_prefill_tokens = policy.max_prefill_tokens;
  auto& memory = options.memory;
  memory.num_blocks = engine.num_blocks;
  memory.block_size = kBlockSize;
  memory.enable_prefix_caching = engine.enable_prefix_caching;
  memory.preemption = policy.preemption;
  memory.num_host_blocks = policy.preemption == PreemptionMode::swap ? engine.num_blocks : 0;
  memory.bytes_per_block = std::llround(device.kv_bytes_per_token * kBlockSize);
  memory.host_link_bytes_per_second = device.host_link_bytes_per_second;
  return options;
}

/// Every prompt is one token: the bound counts steps, in which a prompt is one like any other.
Workload without_prompts(const Workload& list) {
  auto bare = list;
  for (auto& request : bare.requests) {
    request.num_prompt_tokens = 1;
    request.prefix_blocks.clear();
  }
  return bare;
}

/// Padded tokens after each step, beside the record's.
struct PaddedSteps {
  PaddedBatches batches;
  std::vector<std::int64_t> num_stored;
};

double mean_padding(const RunRecord& record,
                    const std::vector<std::int64_t>& padded,
                    double kv_bytes_per_token) {
  double sum = 0;
  double time = 0;
  for (std::size_t index = 0; index < std::min(padded.size(), record.steps.size()); ++index) {
    const auto& step = record.steps[index];
    const auto seconds = in_seconds(step.end - step.begin);
    sum += seconds * static_cast<double>(padded[index] - step.num_stored_tokens);
    time += seconds;
  }
  return time > 0 ? sum / time * kv_bytes_per_token : 0;
}

/// With the mean of the batches' longest.
double expected_padding(const StudyCase& one, const StudyDevice& device) {
  const auto lengths = output_lengths(*one.list);
  const auto num_batches = std::ceil(static_cast<double>(lengths.size()) / one.batch);
  const auto longest = static_cast<double>(static_steps(lengths, one.batch)) / num_batches;
  return padding_bytes(one.batch, longest, summarise(lengths).mean, device.kv_bytes_per_token);
}

double urgent_first_token(const RunRecord& record) {
  LatencyHistogram urgent;
  for (const auto& request : record.requests) {
    if (request.priority > 0 && request.ending == Ending::finished) {
      urgent.add(request.first_token - request.arrival);
    }
  }
  return percentiles_of(urgent).p99;
}

/// One list, one batch: a picture of each kind is enough.
bool is_drawn(const StudyCase& one) {
  constexpr std::size_t kDrawnRequests = 1000;
  return one.part == StudyPart::modelled && one.batch == kStreamBatch &&
         one.list->requests.size() <= kDrawnRequests;
}

}  // namespace

std::vector<StudyCase> plan_study(const StudyOptions& options, const StudyDevice& device) {
  return Planner(options, device).plan();
}

double weight_of(const StudyCase& one) {
  double tokens = 0;
  double prompts = 0;
  for (const auto& request : one.list->requests) {
    tokens += request.num_output_tokens;
    prompts += request.num_prompt_tokens;
  }
  constexpr double kPromptWeight = 0.03;  // a prompt's token is written and kept, no more
  return tokens + (counts_steps(one.part) ? 0 : kPromptWeight * prompts);
}

StudyRun run_case(const StudyCase& one, const StudyDevice& device) {
  TROUPE_CHECK(one.list && one.policy != nullptr && one.batch > 0, "a case without its parts");
  auto bare = one;
  if (counts_steps(one.part)) {
    bare.list = std::make_shared<const Workload>(without_prompts(*one.list));
  }
  auto options = drive_options(bare, device);
  options.cost = counts_steps(one.part) ? equal_step_cost() : device.cost;
  PaddedSteps padded;
  const auto pads = one.policy->padding == Padding::to_longest && !counts_steps(one.part);
  options.shape = [&padded, pads](const StepPlan& plan) {
    if (!pads) {
      return shape_of(plan);
    }
    const auto shape = padded.batches.shape_of(plan);
    padded.num_stored.push_back(padded.batches.num_stored_tokens());
    return shape;
  };
  auto record = drive(*bare.list, options);
  StudyRun run;
  run.asked = one;
  run.figures = figures_of(record, one.batch);
  run.padding_bytes = mean_padding(record, padded.num_stored, device.kv_bytes_per_token);
  run.expected_padding_bytes = pads ? expected_padding(one, device) : 0;
  run.urgent_first_token = urgent_first_token(record);
  if (is_drawn(one)) {
    run.record = std::make_shared<const RunRecord>(std::move(record));
  }
  return run;
}

StudyBound bound_of(const Workload& list, std::int32_t batch) {
  const auto lengths = output_lengths(list);
  StudyBound bound;
  bound.static_steps = static_steps(lengths, batch);
  bound.list_steps = list_scheduling_steps(lengths, batch);
  bound.least_steps = least_steps(lengths, batch);
  const auto idle = static_cast<double>(idle_slot_steps(lengths, batch));
  const auto useful = static_cast<double>(summarise(lengths).sum);
  bound.idle_share = idle + useful > 0 ? idle / (idle + useful) : 0;
  return bound;
}

}  // namespace troupe::simulation
