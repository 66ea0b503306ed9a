#include "engine/journal/story.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace troupe::journal {
namespace {

bool contains(const std::vector<SequenceId>& sequences, SequenceId sequence) {
  return std::ranges::find(sequences, sequence) != sequences.end();
}

// The same thing goes on in the next step.
bool continues(const StoryLine& line, const StoryLine& next) {
  const auto folds = line.what == Happening::waits || line.what == Happening::pauses ||
                     line.what == Happening::held_back || line.what == Happening::awaits_prefix ||
                     line.what == Happening::crowded_out || line.what == Happening::decodes;
  return folds && line.what == next.what && line.ring == next.ring &&
         line.hindrance == next.hindrance && line.other == next.other;
}

std::string describe(const RequestTokens& last) {
  if (last.finished == FinishReason::length) {
    return "length";
  }
  return last.stopped_by_token ? "stop token" : "stop";
}

}  // namespace

std::string_view name_of(Happening happening) {
  switch (happening) {
    case Happening::enqueued:
      return "enqueued";
    case Happening::refused:
      return "refused";
    case Happening::waits:
      return "waits";
    case Happening::held_back:
      return "held_back";
    case Happening::awaits_prefix:
      return "awaits_prefix";
    case Happening::crowded_out:
      return "crowded_out";
    case Happening::admitted:
      return "admitted";
    case Happening::prefills:
      return "prefills";
    case Happening::decodes:
      return "decodes";
    case Happening::pauses:
      return "pauses";
    case Happening::preempted:
      return "preempted";
    case Happening::first_token:
      return "first_token";
    case Happening::ended:
      return "ended";
    case Happening::cancelled:
      return "cancelled";
    case Happening::ring_lost:
      return "ring_lost";
  }
  return "";
}

std::string_view name_of(Hindrance hindrance) {
  switch (hindrance) {
    case Hindrance::none:
      return "none";
    case Hindrance::no_seat:
      return "no_seat";
    case Hindrance::no_tokens:
      return "no_tokens";
    case Hindrance::no_memory:
      return "no_memory";
    case Hindrance::short_runner:
      return "short_runner";
    case Hindrance::enough_passed:
      return "enough_passed";
    case Hindrance::too_many_held:
      return "too_many_held";
    case Hindrance::preempted:
      return "preempted";
    case Hindrance::result_under_way:
      return "result_under_way";
    case Hindrance::suspects:
      return "suspects";
    case Hindrance::closed_batch:
      return "closed_batch";
  }
  return "";
}

void Story::take(const Record& record, const Turn& turn, const Replay& replay) {
  if (const auto* began = std::get_if<RingBegan>(&record)) {
    take_ring(*began);
  } else if (const auto* enqueued = std::get_if<Enqueued>(&record)) {
    take_enqueued(*enqueued, turn);
  } else if (const auto* cancelled = std::get_if<Cancelled>(&record)) {
    take_cancelled(*cancelled);
  } else if (const auto* asked = std::get_if<Asked>(&record)) {
    take_asked(*asked, turn, replay);
  } else if (const auto ring = ring_of(record)) {
    take_tokens(*ring, turn.outcome);
  }
}

StoryLine Story::line(Happening what, RingNumber ring) const {
  StoryLine line;
  line.what = what;
  line.ring = ring;
  if (live_) {
    line.attempt = live_->attempt;
    line.priority = live_->priority;
    line.num_prompt_tokens = live_->num_prompt_tokens;
    line.num_output_tokens = live_->num_output_tokens;
    line.num_known = live_->num_start_tokens;
    line.preempted_before = live_->preempted;
  }
  return line;
}

StoryLine Story::step_line(Happening what, const Scene& scene) const {
  auto told = line(what, scene.proposal.ring);
  told.first_step = scene.proposal.step;
  told.last_step = scene.proposal.step;
  told.first_time = scene.now;
  told.last_time = scene.now;
  return told;
}

void Story::add(StoryLine line) {
  if (!lines_.empty() && continues(lines_.back(), line)) {
    auto& last = lines_.back();
    last.last_step = line.last_step;
    last.last_time = line.last_time;
    last.end = line.end;
    last.place_in_queue = line.place_in_queue;
    last.num_blocks_needed = line.num_blocks_needed;
    last.num_blocks_free = line.num_blocks_free;
    return;
  }
  lines_.push_back(std::move(line));
  num_dated_ = lines_.size();
}

void Story::add_undated(StoryLine line) {
  lines_.push_back(std::move(line));
}

void Story::date(TimePoint now) {
  for (; num_dated_ < lines_.size(); ++num_dated_) {
    auto& undated = lines_[num_dated_];
    undated.first_time = now;
    undated.last_time = now;
    undated.since_arrival = now - arrival_;
  }
}

void Story::take_ring(const RingBegan& began) {
  if (live_) {
    live_->admitted = false;
    add_undated(line(Happening::ring_lost, began.ring));
  }
}

void Story::take_enqueued(const Enqueued& record, const Turn& turn) {
  const auto& request = record.request;
  priorities_[request.request] = request.priority;
  if (request.request != request_) {
    return;
  }
  if (!turn.rejections.empty()) {
    refuse(record.ring, turn.rejections.front());
    date(record.now);
    return;
  }
  if (live_ && live_->ring == record.ring && live_->attempt >= request.attempt) {
    return;  // late or doubled
  }
  const auto num_tokens = static_cast<std::int32_t>(request.tokens.size());
  arrival_ = request.arrival;
  live_ = Live{};
  live_->ring = record.ring;
  live_->attempt = request.attempt;
  live_->num_prompt_tokens = request.num_prompt_tokens;
  live_->num_output_tokens = num_tokens - request.num_prompt_tokens;
  live_->priority = request.priority;
  live_->heard_token = live_->num_output_tokens > 0;
  auto told = line(Happening::enqueued, record.ring);
  told.max_output_tokens = request.max_output_tokens;
  add_undated(std::move(told));
  date(record.now);
}

void Story::refuse(RingNumber ring, const Rejection& rejection) {
  if (rejection.request == request_) {
    auto told = line(Happening::refused, ring);
    told.attempt = rejection.attempt;
    told.reason = rejection.error.message;
    add_undated(std::move(told));
    live_.reset();
  }
}

void Story::take_cancelled(const Cancelled& record) {
  if (record.request == request_ && live_ && live_->ring == record.ring) {
    add_undated(line(Happening::cancelled, record.ring));
    live_.reset();
  }
}

void Story::take_tokens(RingNumber ring, const StepOutcome& outcome) {
  for (const auto& tokens : outcome.tokens) {
    if (tokens.request != request_ || !live_ || live_->ring != ring) {
      continue;
    }
    ++live_->num_output_tokens;
    if (!std::exchange(live_->heard_token, true)) {
      add_undated(line(Happening::first_token, ring));
    }
    if (tokens.finished) {
      auto told = line(Happening::ended, ring);
      told.reason = describe(tokens);
      add_undated(std::move(told));
      live_.reset();
    }
  }
}

void Story::take_asked(const Asked& record, const Turn& turn, const Replay& replay) {
  for (const auto& rejection : turn.rejections) {
    refuse(record.ring, rejection);
  }
  date(record.now);
  const auto* ring = replay.ring(record.ring);
  if (live_ && live_->ring == record.ring && turn.settled && ring != nullptr) {
    tell_step({*turn.proposal, turn.settled->granted, *ring, record.now});
  }
}

void Story::tell_step(const Scene& scene) {
  const auto candidate = std::ranges::find_if(scene.proposal.candidates, [&](const Candidate& one) {
    return one.admission ? one.admission->request == request_
                         : live_->admitted && one.sequence == live_->sequence;
  });
  if (live_->admitted && contains(scene.granted.preempted, live_->sequence)) {
    tell_preemption(scene);
  } else if (candidate != scene.proposal.candidates.end()) {
    tell_candidate(scene, *candidate);
  } else {
    tell_whereabouts(scene);
  }
}

void Story::tell_candidate(const Scene& scene, const Candidate& candidate) {
  const auto row = std::ranges::find(scene.granted.rows, candidate.sequence, &GrantedRow::sequence);
  if (row != scene.granted.rows.end()) {
    tell_row(scene, candidate, *row);
    return;
  }
  const auto& config = scene.ring.config();
  if (contains(scene.granted.deferred, candidate.sequence)) {
    auto told = step_line(Happening::held_back, scene);
    const auto end = std::max(candidate.begin + candidate.num_tokens, candidate.reserve);
    const auto num_held = (candidate.begin + config.block_size - 1) / config.block_size;
    told.num_blocks_needed = (end + config.block_size - 1) / config.block_size - num_held;
    told.num_blocks_kept = candidate.admission ? scene.proposal.num_headroom_blocks : 0;
    told.num_blocks_free = scene.granted.num_free_blocks;
    add(std::move(told));
  } else if (contains(scene.granted.awaiting, candidate.sequence)) {
    add(step_line(Happening::awaits_prefix, scene));
  } else {
    add(step_line(Happening::crowded_out, scene));
  }
}

void Story::tell_row(const Scene& scene, const Candidate& candidate, const GrantedRow& row) {
  auto what = Happening::decodes;
  if (candidate.admission) {
    live_->sequence = candidate.sequence;
    live_->admitted = true;
    live_->num_start_tokens = candidate.known;
    what = Happening::admitted;
  } else if (row.begin < live_->num_start_tokens) {
    what = Happening::prefills;
  }
  auto told = step_line(what, scene);
  told.begin = row.begin;
  told.end = row.end;
  add(std::move(told));
}

void Story::tell_preemption(const Scene& scene) {
  auto told = step_line(Happening::preempted, scene);
  const auto displacer = std::ranges::find_if(scene.proposal.candidates, [&](const Candidate& one) {
    return one.displaces == live_->sequence && one.admission &&
           std::ranges::find(scene.granted.rows, one.sequence, &GrantedRow::sequence) !=
               scene.granted.rows.end();
  });
  if (displacer != scene.proposal.candidates.end()) {
    told.other = displacer->admission->request;
    told.other_priority = priorities_[*told.other];
  }
  told.num_blocks_free = scene.granted.num_free_blocks;
  add(std::move(told));
  live_->admitted = false;
  live_->preempted = true;
}

void Story::tell_whereabouts(const Scene& scene) {
  const auto found = scene.ring.scheduler().whereabouts(request_);
  // One whose last token is being sampled has nothing to wait for, but the token.
  const auto awaits_token =
      found.place == Place::running && found.hindrance == Hindrance::result_under_way;
  if (found.hindrance == Hindrance::none || awaits_token) {
    return;
  }
  auto told =
      step_line(found.place == Place::running ? Happening::pauses : Happening::waits, scene);
  told.hindrance = found.hindrance;
  told.other = found.of;
  told.place_in_queue = found.place_in_queue;
  add(std::move(told));
}

}  // namespace troupe::journal
