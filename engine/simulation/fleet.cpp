#include "engine/simulation/fleet.h"

#include "engine/base/check.h"
#include "engine/base/random.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <queue>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace troupe::simulation {
namespace {

// Streams of the counter-based random numbers.
constexpr std::uint64_t kArrivals = 1;
constexpr std::uint64_t kRows = 2;
constexpr std::uint64_t kFailures = 3;
constexpr std::uint64_t kRouter = 4;

constexpr std::int32_t kVocabSize = 32'000;
constexpr std::int64_t kProgressEvery = 4096;  // requests
/// Far beyond the names in any list: what one round of it adds to them.
constexpr std::int64_t kNamesOfRound = std::int64_t{1} << 40;

/// In (0, 1].
double uniform(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter) {
  const auto bits = random_bits(mix(seed) ^ stream, counter) >> 11U;
  return (static_cast<double>(bits) + 1.0) * 0x1p-53;
}

Duration seconds(double count) {
  return Duration(std::llround(count * 1e9));
}

/// What is remembered of a request until it ends.
struct Live {
  Duration arrival{};
  Duration last_token{};
  std::size_t row = 0;  // of the list
  std::int32_t num_output_tokens = 0;
  std::uint32_t attempt = 0;
  std::int32_t node = -1;  // -1: it has ended, or waits to go on elsewhere
};

enum class EventKind : std::uint8_t { step_ends, node_dies, requests_resume, node_returns };

struct Event {
  Duration time{};
  std::uint64_t number = 0;  // first scheduled, first handled
  EventKind kind = EventKind::step_ends;
  std::size_t node = 0;
  std::uint32_t life = 0;  // of the node, when it was scheduled

  friend bool operator<(const Event& left, const Event& right) {
    return std::tie(left.time, left.number) > std::tie(right.time, right.number);
  }
};

struct Node {
  std::optional<VirtualEngine> engine;
  std::uint32_t life = 1;
  bool step_scheduled = false;
  std::vector<std::uint64_t> orphans;  // of its death, until they go on
};

class Fleet {
 public:
  Fleet(const Workload& list, const FleetOptions& options, const FleetProgress& progress)
      : list_(list),
        options_(options),
        progress_(progress),
        router_(options.routing, mix(options.seed) ^ kRouter),
        nodes_(static_cast<std::size_t>(options.num_nodes)),
        loads_(nodes_.size()),
        live_(static_cast<std::size_t>(options.num_requests)) {
    for (auto& node : nodes_) {
      node.engine.emplace(options.engine);
    }
    report_.requests_per_second =
        options.load * options.num_nodes * requests_per_second(list, options.engine);
    schedule_failures();
  }

  FleetReport run() {
    auto arrival = next_arrival(Duration::zero());
    while (num_ended_ < options_.num_requests) {
      const auto arrives = num_arrived_ < options_.num_requests;
      TROUPE_CHECK(arrives || !events_.empty(), "a request is left behind");
      if (arrives && (events_.empty() || arrival <= events_.top().time)) {
        arrive(arrival);
        arrival = next_arrival(arrival);
        continue;
      }
      const auto event = events_.top();
      events_.pop();
      handle(event);
    }
    for (auto& node : nodes_) {
      if (node.engine) {
        add_totals(*node.engine);
      }
    }
    return std::move(report_);
  }

 private:
  [[nodiscard]] Duration next_arrival(Duration last) {
    const auto draw = uniform(options_.seed, kArrivals, static_cast<std::uint64_t>(num_arrived_));
    return last + seconds(-std::log(draw) / report_.requests_per_second);
  }

  void schedule_failures() {
    const auto span = static_cast<double>(options_.num_requests) / report_.requests_per_second;
    for (std::int32_t number = 0; number < options_.num_failures; ++number) {
      const auto counter = static_cast<std::uint64_t>(number);
      const auto node = random_bits(mix(options_.seed) ^ kFailures, counter) % nodes_.size();
      schedule(seconds(span * uniform(options_.seed, kFailures, counter)), EventKind::node_dies,
               node);
    }
  }

  void schedule(Duration time, EventKind kind, std::size_t node) {
    events_.push(Event{time, ++num_events_, kind, node, nodes_[node].life});
  }

  void plan(std::size_t index) {
    auto& node = nodes_[index];
    node.engine->plan();
    const auto end = node.engine->next_end();
    if (end && !node.step_scheduled) {
      node.step_scheduled = true;
      schedule(*end, EventKind::step_ends, index);
    }
  }

  // A list that names prefixes keeps its order, since who shares with whom depends on it.
  void arrive(Duration now) {
    const auto number = static_cast<std::uint64_t>(num_arrived_++);
    const auto num_rows = list_.requests.size();
    auto& live = live_[number];
    live.arrival = now;
    live.row = static_cast<std::size_t>(
        list_.prefix_block_tokens > 0 ? number % num_rows
                                      : random_bits(mix(options_.seed) ^ kRows, number) % num_rows);
    report_.num_prompt_tokens += list_.requests[live.row].num_prompt_tokens;
    place(number, now);
  }

  [[nodiscard]] WorkloadRequest request(std::uint64_t number) const {
    auto request = list_.requests[live_[number].row];
    const auto round = static_cast<std::int64_t>(number / list_.requests.size());
    for (auto& name : request.prefix_blocks) {
      name += round * kNamesOfRound;
    }
    return request;
  }

  void place(std::uint64_t number, Duration now) {
    auto& live = live_[number];
    const auto asked = request(number);
    const auto node = router_.place(asked, loads_);
    auto attempt = first_attempt(asked, number, tokens_of(asked, number));
    attempt.attempt = AttemptNumber{++live.attempt};
    attempt.arrival = TimePoint(live.arrival);
    attempt.tokens.resize(attempt.tokens.size() + static_cast<std::size_t>(live.num_output_tokens),
                          TokenId{1});
    if (nodes_[node].engine->enqueue(std::move(attempt), now)) {
      live.node = static_cast<std::int32_t>(node);
      ++loads_[node].num_requests;
    } else {
      ++report_.num_refused;
      end(number, now);
    }
    plan(node);
  }

  // What the tokens are matters to a prefix cache alone.
  [[nodiscard]] std::vector<TokenId> tokens_of(const WorkloadRequest& asked,
                                               std::uint64_t number) const {
    if (!options_.engine.memory.enable_prefix_caching) {
      return std::vector<TokenId>(static_cast<std::size_t>(asked.num_prompt_tokens), TokenId{1});
    }
    return prompt_tokens(asked, list_.prefix_block_tokens, number, kVocabSize);
  }

  void handle(const Event& event) {
    auto& node = nodes_[event.node];
    switch (event.kind) {
      case EventKind::step_ends:
        if (event.life == node.life && node.engine) {
          land(event.node, event.time);
        }
        return;
      case EventKind::node_dies:
        die(event.node, event.time);
        return;
      case EventKind::requests_resume:
        resume(event.node, event.time);
        return;
      case EventKind::node_returns:
        node.engine.emplace(options_.engine);
        loads_[event.node] = NodeLoad{};
        return;
    }
  }

  void land(std::size_t index, Duration now) {
    auto& node = nodes_[index];
    node.step_scheduled = false;
    for (const auto& token : node.engine->land()) {
      take(token, now);
    }
    plan(index);
  }

  void take(const RequestTokens& token, Duration now) {
    const auto number = token.request.value;
    auto& live = live_[number];
    if (live.num_output_tokens++ == 0) {
      report_.first_token.add(now - live.arrival);
    } else {
      report_.inter_token.add(now - live.last_token);
    }
    ++report_.num_output_tokens;
    live.last_token = now;
    if (token.finished) {
      ++report_.num_finished;
      report_.whole.add(now - live.arrival);
      --loads_[static_cast<std::size_t>(live.node)].num_requests;
      end(number, now);
    }
  }

  void end(std::uint64_t number, Duration now) {
    auto& live = live_[number];
    report_.digest = mix(
        report_.digest ^ mix(number) ^
        mix(static_cast<std::uint64_t>(now.count()) + static_cast<std::uint64_t>(live.node + 1)));
    report_.end = now;
    live.node = -1;
    if (++num_ended_ % kProgressEvery == 0 && progress_) {
      progress_(num_ended_);
    }
  }

  // One node always stays: there must be somewhere to go on.
  void die(std::size_t index, Duration now) {
    auto& node = nodes_[index];
    if (!node.engine || std::ranges::count(loads_, true, &NodeLoad::up) < 2) {
      return;
    }
    add_totals(*node.engine);
    node.engine.reset();
    ++node.life;
    node.step_scheduled = false;
    loads_[index] = NodeLoad{0, false};
    for (std::uint64_t number = 0; number < static_cast<std::uint64_t>(num_arrived_); ++number) {
      if (live_[number].node == static_cast<std::int32_t>(index)) {
        live_[number].node = -1;
        node.orphans.push_back(number);
      }
    }
    schedule(now + options_.detected_after, EventKind::requests_resume, index);
    schedule(now + options_.restart_after, EventKind::node_returns, index);
  }

  // Prompt and what was generated are the prefix with which they go on.
  void resume(std::size_t index, Duration now) {
    for (const auto number : std::exchange(nodes_[index].orphans, {})) {
      ++report_.num_resumed;
      place(number, now);
    }
  }

  void add_totals(const VirtualEngine& engine) {
    const auto totals = engine.totals();
    report_.totals.num_steps += totals.num_steps;
    report_.totals.num_rows += totals.num_rows;
    report_.totals.num_preemptions += totals.num_preemptions;
    report_.totals.num_hit_tokens += totals.num_hit_tokens;
    report_.totals.busy += totals.busy;
  }

  const Workload& list_;
  const FleetOptions& options_;
  const FleetProgress& progress_;
  FleetRouter router_;
  std::vector<Node> nodes_;
  std::vector<NodeLoad> loads_;
  std::vector<Live> live_;  // by number of the request
  std::priority_queue<Event> events_;
  std::uint64_t num_events_ = 0;
  std::int64_t num_arrived_ = 0;
  std::int64_t num_ended_ = 0;
  FleetReport report_;
};

}  // namespace

double requests_per_second(const Workload& list, const VirtualEngineOptions& engine) {
  double prompt = 0;
  double output = 0;
  for (const auto& request : list.requests) {
    prompt += request.num_prompt_tokens;
    output += request.num_output_tokens;
  }
  const auto count = static_cast<double>(list.requests.size());
  prompt /= count;
  output /= count;
  const auto tokens_held = static_cast<double>(engine.memory.num_blocks) * engine.memory.block_size;
  const auto batch = std::clamp(tokens_held / (prompt + output), 1.0,
                                static_cast<double>(engine.engine.max_num_seqs));
  StepShape decodes;
  decodes.num_decodes = std::llround(batch);
  decodes.num_decode_context = std::llround(batch * (prompt + output / 2));
  const auto decoding = in_seconds(engine.cost(decodes)) * output / batch;
  const auto prefill = in_seconds(engine.cost(whole_prompts(1, std::llround(prompt))));
  return 1.0 / (decoding + prefill);
}

FleetReport simulate_fleet(const Workload& list,
                           const FleetOptions& options,
                           const FleetProgress& progress) {
  TROUPE_CHECK(!list.requests.empty() && options.num_nodes > 0 && options.num_requests > 0 &&
                   options.load > 0,
               "a fleet without nodes, requests or load");
  return Fleet(list, options, progress).run();
}

}  // namespace troupe::simulation
