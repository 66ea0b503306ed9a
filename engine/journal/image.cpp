// Each structure is walked once, by a template, into either of two sinks: one writes bytes, the
// other holds them against those of a recorded image and remembers the first field that differs.
#include "engine/journal/image.h"

#include "engine/base/random.h"
#include "engine/journal/bytes.h"
#include "engine/journal/request_format.h"

#include <vector>

namespace troupe::journal {
namespace {

class Writing {
 public:
  explicit Writing(std::string& out) : writer_(out) {}

  void enter(const char*, std::size_t) {}

  void leave() {}

  void field(const char*, std::int64_t value) { writer_.signed_number(value); }

 private:
  ByteWriter writer_;
};

class Comparing {
 public:
  explicit Comparing(std::string_view recorded) : recorded_(recorded) {}

  void enter(const char* list, std::size_t index) { path_.push_back({list, index}); }

  void leave() { path_.pop_back(); }

  void field(const char* name, std::int64_t value) {
    if (found_) {
      return;
    }
    const auto left = recorded_.substr(offset_);
    std::string own;
    ByteWriter(own).signed_number(value);
    if (left.starts_with(own)) {
      offset_ += own.size();
      return;
    }
    ByteReader reader(left);
    const auto recorded = reader.signed_number();
    found_ = Parting{place(name), reader.ok() ? std::optional(recorded) : std::nullopt, value};
  }

  [[nodiscard]] std::optional<Parting> result() const {
    if (!found_ && offset_ < recorded_.size()) {
      return Parting{"the end", static_cast<std::int64_t>(recorded_.size()), std::nullopt};
    }
    return found_;
  }

 private:
  struct Step {
    const char* list;
    std::size_t index;
  };

  [[nodiscard]] std::string place(const char* name) const {
    std::string text;
    for (const auto& step : path_) {
      text += std::string(step.list) + "[" + std::to_string(step.index) + "].";
    }
    return text + name;
  }

  std::string_view recorded_;
  std::size_t offset_ = 0;
  std::vector<Step> path_;
  std::optional<Parting> found_;
};

template <class Tag, class Number>
std::int64_t as_number(StrongId<Tag, Number> id) {
  return static_cast<std::int64_t>(id.value);
}

template <class Sink, class Items, class Walk>
void walk_list(Sink& sink, const char* name, const Items& items, Walk walk_item) {
  sink.field(name, std::ssize(items));
  std::size_t index = 0;
  for (const auto& item : items) {
    sink.enter(name, index++);
    walk_item(item);
    sink.leave();
  }
}

template <class Sink, class Ids>
void walk_ids(Sink& sink, const char* name, const Ids& ids) {
  walk_list(sink, name, ids, [&](const auto& id) { sink.field("id", as_number(id)); });
}

// What a sequence enters with. Its tokens came in with the request and with results.
template <class Sink>
void walk_start(Sink& sink, const SequenceStart& start) {
  sink.field("start.sequence", as_number(start.sequence));
  sink.field("start.request", as_number(start.request));
  sink.field("start.num_tokens", start.num_tokens());
  sink.field("start.digest", static_cast<std::int64_t>(digest_of(start)));
}

template <class Sink>
void walk(Sink& sink, const Candidate& candidate) {
  sink.field("sequence", as_number(candidate.sequence));
  sink.field("seat", candidate.seat);
  sink.field("begin", candidate.begin);
  sink.field("num_tokens", candidate.num_tokens);
  sink.field("known", candidate.known);
  sink.field("reserve", candidate.reserve);
  sink.field("displaces", candidate.displaces ? as_number(*candidate.displaces) : -1);
  sink.field("is_admission", candidate.admission ? 1 : 0);
  if (candidate.admission) {
    walk_start(sink, *candidate.admission);
  }
}

template <class Sink>
void walk(Sink& sink, const StepProposal& proposal) {
  sink.field("ring", as_number(proposal.ring));
  sink.field("step", as_number(proposal.step));
  walk_ids(sink, "releases", proposal.releases);
  walk_list(sink, "known", proposal.known, [&](const KnownToken& known) {
    sink.field("sequence", as_number(known.sequence));
    sink.field("token", known.token);
  });
  walk_list(sink, "candidates", proposal.candidates,
            [&](const Candidate& candidate) { walk(sink, candidate); });
  walk_ids(sink, "victims", proposal.victims);
  sink.field("max_admission_tokens", proposal.max_admission_tokens);
  sink.field("num_headroom_blocks", proposal.num_headroom_blocks);
}

template <class Sink>
void walk(Sink& sink, const StepGranted& granted) {
  sink.field("ring", as_number(granted.ring));
  sink.field("step", as_number(granted.step));
  walk_list(sink, "rows", granted.rows, [&](const GrantedRow& row) {
    sink.field("sequence", as_number(row.sequence));
    sink.field("begin", row.begin);
    sink.field("end", row.end);
    sink.field("samples", row.samples ? 1 : 0);
  });
  walk_ids(sink, "deferred", granted.deferred);
  walk_ids(sink, "awaiting", granted.awaiting);
  walk_ids(sink, "preempted", granted.preempted);
  sink.field("num_free_blocks", granted.num_free_blocks);
  sink.field("num_cached_blocks", granted.num_cached_blocks);
  sink.field("plan_sent", granted.plan_sent ? 1 : 0);
}

template <class Sink>
void walk_swaps(Sink& sink, const char* name, const std::vector<BlockSwap>& swaps) {
  walk_list(sink, name, swaps, [&](const BlockSwap& swap) {
    sink.field("block", as_number(swap.block));
    sink.field("host_slot", swap.host_slot);
  });
}

template <class Sink>
void walk(Sink& sink, const StepPlan& plan) {
  sink.field("ring", as_number(plan.ring));
  sink.field("step", as_number(plan.step));
  walk_list(sink, "seats_taken", plan.seats_taken, [&](const SeatTaken& taken) {
    sink.field("seat", taken.seat);
    walk_start(sink, *taken.start);
  });
  walk_list(sink, "table_growth", plan.table_growth, [&](const TableGrowth& growth) {
    sink.field("seat", growth.seat);
    walk_ids(sink, "blocks", growth.blocks);
  });
  walk_swaps(sink, "swaps_out", plan.swaps_out);
  walk_swaps(sink, "swaps_in", plan.swaps_in);
  walk_list(sink, "copies", plan.copies, [&](const BlockCopy& copy) {
    sink.field("from", as_number(copy.from));
    sink.field("to", as_number(copy.to));
  });
  walk_list(sink, "rows", plan.rows, [&](const PlanRow& row) {
    sink.field("seat", row.seat);
    sink.field("begin", row.begin);
    sink.field("end", row.end);
    sink.field("samples", row.samples ? 1 : 0);
  });
}

template <class Output>
void append(std::string& out, const Output& output) {
  Writing sink(out);
  walk(sink, output);
}

template <class Output>
std::optional<Parting> compare(std::string_view recorded, const Output& replayed) {
  Comparing sink(recorded);
  walk(sink, replayed);
  return sink.result();
}

}  // namespace

void append_image(std::string& out, const StepProposal& proposal) {
  append(out, proposal);
}

void append_image(std::string& out, const StepGranted& granted) {
  append(out, granted);
}

void append_image(std::string& out, const StepPlan& plan) {
  append(out, plan);
}

std::optional<Parting> parting(std::string_view recorded, const StepProposal& replayed) {
  return compare(recorded, replayed);
}

std::optional<Parting> parting(std::string_view recorded, const StepGranted& replayed) {
  return compare(recorded, replayed);
}

std::optional<Parting> parting(std::string_view recorded, const StepPlan& replayed) {
  return compare(recorded, replayed);
}

}  // namespace troupe::journal
