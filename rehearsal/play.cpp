#include "rehearsal/play.h"

#include "rehearsal/draw.h"
#include "rehearsal/oracle.h"
#include "rehearsal/vocabulary.h"

#include <algorithm>
#include <chrono>
#include <string>

namespace troupe::rehearsal {
namespace {

using std::chrono::milliseconds;

Duration draw_duration(Draw& draw, std::int32_t low_ms, std::int32_t high_ms) {
  return milliseconds(draw.between(low_ms, high_ms));
}

void draw_scheduling(Draw& draw, SchedulingConfig& scheduling) {
  scheduling.policy = draw.pick(kPolicyNames).policy;
  const auto cap = [&] { return draw.one_in(3) ? draw.log_between(1, 64) : 0; };
  scheduling.admission = draw.one_in(4) ? AdmissionMode::reserve : AdmissionMode::on_demand;
  constexpr std::array kModes{PreemptionMode::automatic, PreemptionMode::recompute,
                              PreemptionMode::swap};
  scheduling.preemption = draw.pick(kModes);
  scheduling.max_prefill_tokens = cap();
  scheduling.max_decode_tokens = cap();
  scheduling.min_prefill_tokens = draw.between(0, 32);
  scheduling.long_prefill_token_threshold = cap();
  scheduling.watermark = draw.one_in(2) ? 0.0 : 0.01 * draw.between(1, 60);
  if (draw.one_in(4)) {
    scheduling.target_inter_token_latency = draw_duration(draw, 1, 40);
  }
  scheduling.aging_per_level = draw_duration(draw, 1, 20);
  scheduling.mlfq_first_quantum = draw.log_between(1, 64);
  scheduling.mlfq_num_rungs = draw.between(1, 8);
  scheduling.mlfq_promote_after = draw_duration(draw, 1, 200);
}

void draw_sizes(Draw& draw, Play& play) {
  auto& device = play.device.description;
  device.device = "rehearsal";
  device.num_blocks = draw.log_between(2, 64);
  device.block_size = draw.log_between(1, 32);
  device.max_num_seqs = draw.log_between(1, 16);
  device.max_num_batched_tokens = draw.log_between(1, 512);
  device.vocab_size = draw.between(4, kMaxVocabulary);
  device.num_host_blocks = draw.one_in(2) ? 0 : draw.log_between(1, 48);
  if (draw.one_in(2)) {
    device.bytes_per_block = 1 << draw.between(4, 16);
    device.host_link_bytes_per_second = 1 << draw.between(10, 26);
    device.prefill_tokens_per_second = 1 << draw.between(1, 16);
  }
  play.device.checks = SimChecks::content;
  play.device.eos_one_in = draw.one_in(3) ? 0 : static_cast<std::uint32_t>(draw.between(2, 40));
  if (!draw.one_in(4)) {
    play.device.timing.fixed = std::chrono::microseconds(draw.log_between(100, 20'000));
    play.device.timing.per_token = std::chrono::microseconds(draw.between(0, 200));
  }
  play.model.name = "rehearsal";
  play.model.max_model_len = draw.between(8, 96);
  play.model.vocab_size = device.vocab_size;
  play.model.accepts_priority = true;
  auto& engine = play.engine;
  engine.max_model_len = play.model.max_model_len;
  engine.num_blocks = device.num_blocks;
  engine.block_size = device.block_size;
  engine.max_num_seqs = device.max_num_seqs;
  engine.max_num_batched_tokens = device.max_num_batched_tokens;
  engine.max_num_queued_requests = draw.one_in(6) ? draw.between(0, 4) : 64;
  engine.enable_prefix_caching = !draw.one_in(6);
  engine.eos_tokens = {kEndOfSequence};
}

// Digits only: nothing that the tokenizer could take for the name of a special token.
Prompt as_text(const std::vector<TokenId>& tokens) {
  return TextPrompt{text_of(tokens)};
}

bool all_digits(const std::vector<TokenId>& tokens) {
  return std::ranges::all_of(tokens, [](TokenId token) { return token >= 1 && token <= 10; });
}

Prompt draw_prompt(Draw& draw, const Play& play, std::int32_t num_prefixes) {
  const auto capacity = play.engine.num_blocks * play.engine.block_size;
  const auto longest =
      draw.one_in(20) ? play.model.max_model_len : std::min(play.model.max_model_len, capacity) - 1;
  const auto length = draw.log_between(1, longest);
  const auto family = draw.between(0, num_prefixes - 1);
  const auto num_shared = draw.one_in(3) ? 0 : draw.between(0, length);
  const auto num_own = play.model.vocab_size - 1;
  std::vector<TokenId> tokens;
  for (std::int32_t position = 0; position < length; ++position) {
    const auto own = draw.between(1, num_own);
    tokens.push_back(position < num_shared ? 1 + (position * 7 + family) % num_own : own);
  }
  if (all_digits(tokens)) {
    return as_text(tokens);
  }
  return TokenPrompt{std::move(tokens)};
}

// Most fit, so that much happens; some are too large.
void draw_length(Draw& draw, const Play& play, std::int32_t num_prompt, SamplingParams& sampling) {
  const auto capacity = play.engine.num_blocks * play.engine.block_size;
  const auto room = std::min(capacity, play.model.max_model_len) - num_prompt;
  if (draw.one_in(12)) {
    sampling.max_tokens = draw.log_between(1, 40);
  } else if (!draw.one_in(12)) {
    sampling.max_tokens = draw.between(1, std::max(1, std::min(room, 40)));
  }
}

void draw_sampling(Draw& draw, const Play& play, SamplingParams& sampling) {
  sampling.temperature = draw.one_in(2) ? 0.0F : 1.0F;
  if (!draw.one_in(3)) {
    sampling.seed = static_cast<std::uint64_t>(draw.between(0, 2));
  }
  sampling.ignore_eos = draw.one_in(6);
  if (draw.one_in(4)) {
    sampling.stop_token_ids = {draw.between(0, play.model.vocab_size - 1)};
  }
  if (draw.one_in(4)) {
    const auto letter = [&] { return character_of(draw.between(1, play.model.vocab_size - 1)); };
    sampling.stop = {std::string(1, letter())};
    if (draw.one_in(3)) {
      sampling.stop.front() += letter();
    }
    sampling.include_stop_str_in_output = draw.one_in(2);
  } else if (draw.one_in(4)) {
    sampling.min_tokens = draw.between(0, sampling.max_tokens.value_or(4));
  }
}

void draw_requests(Draw& draw, Play& play) {
  const auto count = draw.one_in(4) ? draw.between(7, 24) : draw.between(1, 6);
  const auto num_prefixes = draw.between(1, 3);
  const auto may_poison = draw.one_in(12);
  const auto num_salts = draw.one_in(3) ? 2 : 0;
  for (std::int32_t number = 0; number < count; ++number) {
    PlannedRequest planned;
    auto& request = planned.request;
    request.prompt = draw_prompt(draw, play, num_prefixes);
    draw_length(draw, play, static_cast<std::int32_t>(tokens_of(request.prompt).size()),
                request.sampling);
    draw_sampling(draw, play, request.sampling);
    request.priority = draw.between(-3, 3);
    request.tenant = std::string(1, static_cast<char>('a' + draw.between(0, 2)));
    if (num_salts > 0) {
      request.cache_salt = std::string(static_cast<std::size_t>(draw.between(0, num_salts)), 's');
    }
    if (draw.one_in(play.engine.scheduling.policy == SchedulingPolicy::deadline ? 2 : 12)) {
      request.deadline = draw_duration(draw, 1, 400);
    }
    if (draw.one_in(6)) {
      request.retain = std::chrono::seconds(draw.between(1, 600));
    }
    planned.is_poisonous = may_poison && draw.one_in(3);
    play.requests.push_back(std::move(planned));
  }
}

// Each kind is in few plays, and then often.
void draw_incidents(Draw& draw, Play& play) {
  const auto set = [&](Incident incident, std::int32_t in_one_of, std::int32_t low,
                       std::int32_t high) {
    const auto rate = draw.between(low, high);
    play.one_in_many[static_cast<std::size_t>(incident)] = draw.one_in(in_one_of) ? rate : 0;
  };
  set(Incident::cancel, 3, 8, 80);
  set(Incident::leave, 2, 20, 150);
  for (const auto incident :
       {Incident::kill_request, Incident::kill_text, Incident::kill_archive, Incident::kill_router,
        Incident::kill_engine, Incident::kill_scheduler, Incident::kill_memory,
        Incident::kill_worker}) {
    set(incident, 8, 30, 300);
  }
  set(Incident::refuse_plan, 10, 30, 200);
  set(Incident::fail_step, 8, 20, 200);
  set(Incident::throw_step, 8, 20, 200);
  set(Incident::pass_time, 3, 10, 60);
  set(Incident::fetch, 5, 20, 100);
  set(Incident::attach, 6, 20, 100);
  set(Incident::drain, 10, 40, 400);
  set(Incident::curtain, 20, 60, 600);
}

}  // namespace

Play draw_play(std::uint64_t seed) {
  Draw draw(mix(seed));
  Play play;
  play.seed = seed;
  draw_sizes(draw, play);
  draw_scheduling(draw, play.engine.scheduling);
  draw_requests(draw, play);
  draw_incidents(draw, play);
  play.num_engines = draw.one_in(6) ? 2 : 1;
  play.num_text_actors = draw.between(1, 2);
  play.door = draw.one_in(4) ? Door::actors : Door::sinks;
  play.completed.max_age = std::chrono::seconds(draw.between(0, 300));
  if (draw.one_in(4)) {
    play.completed.max_bytes = static_cast<std::size_t>(draw.between(0, 4000));
  }
  play.is_hopeless = draw.one_in(60);
  // Kills come faster than a house would allow that nobody rehearses.
  constexpr std::int32_t kNoLimit = 100'000;
  play.restarts.max_restarts = play.is_hopeless ? draw.between(0, 3) : kNoLimit;
  if (play.is_hopeless) {
    play.one_in_many[static_cast<std::size_t>(Incident::kill_router)] = 0;
  }
  play.arrival_one_in = draw.log_between(1, 40);
  play.num_events = draw.between(30, 600);
  return play;
}

}  // namespace troupe::rehearsal
