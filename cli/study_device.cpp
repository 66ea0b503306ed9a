// A backend that notes the plans, and a client that notes the tokens. Both write from threads of
// the engine; what they wrote is read when the last request has ended.
#include "cli/study_device.h"

#include "actors/troupe.h"
#include "engine/simulation/run_record.h"

#include <algorithm>
#include <chrono>
#include <latch>
#include <map>
#include <optional>
#include <utility>
#include <variant>

namespace troupe::cli {
namespace {

using simulation::Ending;
using simulation::Phase;
using simulation::RequestRecord;
using simulation::RunRecord;
using simulation::StepRecord;
using simulation::StudyPart;
using simulation::StudyRun;
using simulation::Workload;
using simulation::WorkloadRequest;

/// Before static batches one request runs alone, long enough for all others to be enqueued: so the
/// batches are those of the list's order.
constexpr std::int32_t kOpeningTokens = 64;

TimePoint now() {
  return std::chrono::steady_clock::now();
}

struct NotedPlan {
  TimePoint enqueued;
  TimePoint done;
  std::int32_t num_rows = 0;
  std::int32_t num_prefill_tokens = 0;
  std::int32_t num_decode_tokens = 0;
  std::vector<RequestId> entrants;
};

/// Written by the worker's thread.
struct PlanNotes {
  std::vector<NotedPlan> plans;
  std::size_t num_done = 0;
};

NotedPlan note(const StepPlan& plan) {
  NotedPlan noted;
  noted.enqueued = now();
  noted.num_rows = static_cast<std::int32_t>(plan.rows.size());
  for (const auto& row : plan.rows) {
    const auto num_tokens = row.end - row.begin;
    (num_tokens == 1 ? noted.num_decode_tokens : noted.num_prefill_tokens) += num_tokens;
  }
  for (const auto& taken : plan.seats_taken) {
    noted.entrants.push_back(taken.start->request);
  }
  return noted;
}

class NotingBackend : public Backend {
 public:
  NotingBackend(std::unique_ptr<Backend> inner, std::shared_ptr<PlanNotes> notes)
      : inner_(std::move(inner)), notes_(std::move(notes)) {}

  const BackendDescription& description() const override { return inner_->description(); }

  std::int32_t capacity() const override { return inner_->capacity(); }

  Result<void> enqueue(std::shared_ptr<const StepPlan> plan) override {
    notes_->plans.push_back(note(*plan));
    return inner_->enqueue(std::move(plan));
  }

  Result<StepResult> wait() override {
    auto result = inner_->wait();
    notes_->plans[notes_->num_done++].done = now();
    return result;
  }

  Result<void> begin_ring(RingNumber ring) override { return inner_->begin_ring(ring); }

 private:
  std::unique_ptr<Backend> inner_;
  std::shared_ptr<PlanNotes> notes_;
};

void note_plans(CompanyParts& parts, const std::shared_ptr<PlanNotes>& notes) {
  parts.backend = [make = std::move(parts.backend), notes]() -> Result<std::unique_ptr<Backend>> {
    auto made = make();
    if (!made) {
      return pass(std::move(made));
    }
    return std::unique_ptr<Backend>(std::make_unique<NotingBackend>(std::move(*made), notes));
  };
}

/// What is sent for one request of the list.
struct Sent {
  std::int32_t num_prompt_tokens = 0;
  std::int32_t num_output_tokens = 0;
  std::int32_t num_useful_tokens = 0;  // of those
};

/// One request's tokens as they come. Written by the engine's thread that serves it.
struct Heard {
  std::vector<TimePoint> tokens;  // the useful ones
  std::optional<Error> error;
};

struct Show {
  std::vector<Sent> sent;
  std::vector<Heard> heard;
  std::vector<RequestId> ids;
};

std::vector<const WorkloadRequest*> in_order(const Workload& list, SchedulingPolicy policy) {
  std::vector<const WorkloadRequest*> order;
  for (const auto& request : list.requests) {
    order.push_back(&request);
  }
  if (policy == SchedulingPolicy::static_bucketed) {
    std::ranges::stable_sort(order, {}, [](const WorkloadRequest* request) {
      return request->num_prompt_tokens + request->num_output_tokens;
    });
  }
  return order;
}

void pad(std::vector<Sent>& sent, std::size_t batch) {
  for (std::size_t begin = 0; begin < sent.size(); begin += batch) {
    const auto end = std::min(begin + batch, sent.size());
    Sent longest;
    for (auto index = begin; index < end; ++index) {
      longest.num_prompt_tokens =
          std::max(longest.num_prompt_tokens, sent[index].num_prompt_tokens);
      longest.num_output_tokens =
          std::max(longest.num_output_tokens, sent[index].num_output_tokens);
    }
    for (auto index = begin; index < end; ++index) {
      sent[index].num_prompt_tokens = longest.num_prompt_tokens;
      sent[index].num_output_tokens = longest.num_output_tokens;
    }
  }
}

std::vector<Sent> what_is_sent(const MeasuredCase& one) {
  std::vector<Sent> sent;
  for (const auto* request : in_order(*one.list, one.policy->scheduling)) {
    sent.push_back(
        {request->num_prompt_tokens, request->num_output_tokens, request->num_output_tokens});
  }
  if (one.policy->padding == simulation::Padding::to_longest) {
    pad(sent, static_cast<std::size_t>(one.batch));
  }
  return sent;
}

GenerateRequest make_request(std::int32_t vocab_size, std::uint64_t number, const Sent& sent) {
  GenerateRequest request;
  std::vector<TokenId> tokens;
  for (std::int32_t position = 0; position < sent.num_prompt_tokens; ++position) {
    const auto mixed = number * 31 + static_cast<std::uint64_t>(position) * 7 + 3;
    tokens.push_back(static_cast<TokenId>(mixed % static_cast<std::uint64_t>(vocab_size)));
  }
  request.prompt = TokenPrompt{std::move(tokens)};
  request.sampling.temperature = 0.0F;
  request.sampling.ignore_eos = true;
  request.sampling.max_tokens = sent.num_output_tokens;
  return request;
}

AssemblyOptions make_options(AssemblyOptions options,
                             const MeasuredCase& one,
                             const std::vector<Sent>& sent) {
  std::int32_t longest_prompt = 1;
  std::int32_t longest_output = kOpeningTokens;
  for (const auto& request : sent) {
    longest_prompt = std::max(longest_prompt, request.num_prompt_tokens);
    longest_output = std::max(longest_output, request.num_output_tokens);
  }
  options.max_num_seqs = one.batch;
  options.max_num_batched_tokens = std::max(one.batch * longest_prompt, one.batch + 1);
  options.max_num_queued_requests = static_cast<std::int32_t>(sent.size()) + 1;
  options.num_blocks = one.batch * ((longest_prompt + longest_output) / options.block_size + 1);
  options.enable_prefix_caching = false;
  options.scheduling = {};
  // Buckets are made by the order in which the list is sent: padding would mix them otherwise.
  const auto is_static = one.policy->padding == simulation::Padding::to_longest;
  options.scheduling.policy = is_static ? SchedulingPolicy::static_batch : one.policy->scheduling;
  return options;
}

/// Once there is a token, the batch is closed: nobody joins it any more.
void wait_for_token(Generation& generation) {
  for (auto event = generation.next(); event; event = generation.next()) {
    const auto* delta = std::get_if<Delta>(&*event);
    if (delta != nullptr && !delta->tokens.empty()) {
      return;
    }
  }
}

Result<Show> perform(Troupe& company, const MeasuredCase& one) {
  const auto vocab_size = company.model().vocab_size;
  Show show;
  show.sent = what_is_sent(one);
  show.heard.resize(show.sent.size());
  std::latch ended(static_cast<std::ptrdiff_t>(show.sent.size()));
  std::optional<Generation> opening;
  if (one.policy->padding == simulation::Padding::to_longest) {
    auto begun = company.generate(make_request(vocab_size, 1, {1, kOpeningTokens, 0}));
    if (!begun) {
      return pass(std::move(begun));
    }
    opening.emplace(std::move(*begun));
    wait_for_token(*opening);
  }
  std::optional<Error> refusal;
  for (std::size_t index = 0; index < show.sent.size(); ++index) {
    auto& heard = show.heard[index];
    const auto num_useful = static_cast<std::size_t>(show.sent[index].num_useful_tokens);
    auto taken = company.generate(
        make_request(vocab_size, index + 2, show.sent[index]),
        [&heard, &ended, num_useful](const Event& event) {
          if (const auto* delta = std::get_if<Delta>(&event)) {
            const auto missing = num_useful - std::min(num_useful, heard.tokens.size());
            heard.tokens.insert(heard.tokens.end(), std::min(missing, delta->tokens.size()), now());
          } else if (const auto* failed = std::get_if<Failed>(&event)) {
            heard.error = failed->error;
            ended.count_down();
          } else if (std::holds_alternative<Finished>(event)) {
            ended.count_down();
          }
        });
    if (!taken) {
      refusal = taken.error();
      ended.count_down();
      show.ids.emplace_back();
    } else {
      show.ids.push_back(*taken);
    }
  }
  ended.wait();
  for (const auto& heard : show.heard) {
    if (heard.error) {
      refusal = heard.error;
    }
  }
  if (refusal) {
    return tl::unexpected<Error>(*refusal);
  }
  return show;
}

void add_steps(const std::vector<NotedPlan>& plans,
               TimePoint begin,
               std::size_t num_requests,
               RunRecord& record) {
  auto free = begin;
  auto num_waiting = static_cast<std::int32_t>(num_requests);
  for (const auto& plan : plans) {
    StepRecord step;
    num_waiting -= static_cast<std::int32_t>(plan.entrants.size());
    step.num_waiting = num_waiting;
    // A plan waits on the device behind the one before it.
    step.begin = std::max(plan.enqueued, free) - begin;
    step.end = plan.done - begin;
    step.num_rows = plan.num_rows;
    step.num_prefill_tokens = plan.num_prefill_tokens;
    step.num_decode_tokens = plan.num_decode_tokens;
    free = std::max(free, plan.done);
    record.steps.push_back(step);
  }
}

void add_requests(const Show& show,
                  const std::map<std::uint64_t, TimePoint>& entered,
                  TimePoint begin,
                  RunRecord& record) {
  for (std::size_t index = 0; index < show.sent.size(); ++index) {
    const auto& times = show.heard[index].tokens;
    RequestRecord request;
    request.num_prompt_tokens = show.sent[index].num_prompt_tokens;
    request.num_output_tokens = static_cast<std::int32_t>(times.size());
    request.ending = Ending::finished;
    request.phases.push_back({Phase::queued, {}});
    if (const auto found = entered.find(show.ids[index].value); found != entered.end()) {
      request.phases.push_back({Phase::prefill, std::max(found->second - begin, Duration::zero())});
    }
    if (!times.empty()) {
      request.first_token = times.front() - begin;
      request.end = times.back() - begin;
      request.phases.push_back({Phase::decode, request.first_token});
    }
    for (std::size_t token = 1; token < times.size(); ++token) {
      record.inter_token.add(times[token] - times[token - 1]);
    }
    record.requests.push_back(std::move(request));
  }
}

/// Without the opening and its steps.
RunRecord record_of(const PlanNotes& notes, const Show& show) {
  const auto joins = std::ranges::find_if(notes.plans, [&](const NotedPlan& plan) {
    return std::ranges::any_of(plan.entrants, [&](RequestId id) {
      return std::ranges::find(show.ids, id) != show.ids.end();
    });
  });
  const std::vector<NotedPlan> plans(joins, notes.plans.end());
  // The first real plan may have waited behind the opening's last.
  auto begin = plans.empty() ? TimePoint() : plans.front().enqueued;
  if (joins != notes.plans.begin() && joins != notes.plans.end()) {
    begin = std::max(begin, std::prev(joins)->done);
  }
  std::map<std::uint64_t, TimePoint> entered;
  for (const auto& plan : plans) {
    for (const auto id : plan.entrants) {
      entered.emplace(id.value, plan.enqueued);
    }
  }
  RunRecord record;
  add_steps(plans, begin, show.sent.size(), record);
  add_requests(show, entered, begin, record);
  return record;
}

StudyRun in_steps(const StudyRun& measured) {
  auto run = measured;
  run.asked.part = StudyPart::gain;
  run.record = nullptr;
  const auto unit = in_seconds(simulation::kUnitStep);
  run.figures.seconds = static_cast<double>(run.figures.num_steps) * unit;
  return run;
}

}  // namespace

Result<std::vector<StudyRun>> measure_case(const AssemblyOptions& device, const MeasuredCase& one) {
  auto assembly = assemble(make_options(device, one, what_is_sent(one)));
  if (!assembly) {
    return pass(std::move(assembly));
  }
  auto notes = std::make_shared<PlanNotes>();
  note_plans(assembly->parts, notes);
  auto company = Troupe::start(std::move(assembly->parts));
  if (!company) {
    return pass(std::move(company));
  }
  auto show = perform(**company, one);
  company->reset();  // the worker's thread has ended: its notes can be read
  if (!show) {
    return pass(std::move(show));
  }
  StudyRun run;
  run.asked = {StudyPart::modelled, one.list, "all at once", 0, one.policy, one.batch};
  auto record = std::make_shared<RunRecord>(record_of(*notes, *show));
  run.figures = figures_of(*record, one.batch);
  run.record = record;
  return std::vector<StudyRun>{in_steps(run), run};
}

}  // namespace troupe::cli
