#include "engine/journal/story_text.h"

#include <array>
#include <cstdio>

namespace troupe::journal {
namespace {

std::string seconds(Duration duration) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4f", in_seconds(duration));
  return text.data();
}

std::string count(std::int64_t number, const std::string& noun) {
  return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

std::string ordinal(std::int32_t number) {
  const auto last = number % 10;
  const auto teen = number % 100 >= 11 && number % 100 <= 13;
  const auto* ending = teen || last == 0 || last > 3 ? "th"
                       : last == 1                   ? "st"
                       : last == 2                   ? "nd"
                                                     : "rd";
  return std::to_string(number) + ending;
}

std::string name_of_request(const StoryLine& line) {
  return "request " + (line.other ? std::to_string(line.other->value) : std::string("?"));
}

std::string range(const StoryLine& line) {
  return "[" + std::to_string(line.begin) + ", " + std::to_string(line.end) + ")";
}

std::string reason(const StoryLine& line) {
  switch (line.hindrance) {
    case Hindrance::none:
      return "";
    case Hindrance::no_seat:
      return "no seat is free";
    case Hindrance::no_tokens:
      return "the step's tokens go to those before it";
    case Hindrance::no_memory:
      return "too few KV blocks when it last asked, and none has come home since";
    case Hindrance::short_runner:
      return "a running request is short of KV blocks, and nobody enters before it";
    case Hindrance::enough_passed:
      return "no more may pass those before it, lest memory holds them back for ever";
    case Hindrance::too_many_held:
      return "too many before it are held back by memory";
    case Hindrance::preempted:
      return "preempted, comes back when a running request has ended";
    case Hindrance::result_under_way:
      return "the result of its last step is still under way";
    case Hindrance::suspects:
      return "requests of a crashed step run alone";
    case Hindrance::closed_batch:
      return "the batch has begun to decode, nobody joins it";
  }
  return "";
}

std::string place_in_queue(const StoryLine& line) {
  return line.place_in_queue > 0 ? ", " + ordinal(line.place_in_queue) + " in the queue" : "";
}

// Another's hindrance is told with its name: nobody passes that one.
std::string words_of_waits(const StoryLine& line) {
  if (!line.other) {
    return "waits: " + reason(line) + place_in_queue(line);
  }
  if (line.hindrance == Hindrance::short_runner) {
    return "waits: " + name_of_request(line) +
           ", which runs, is short of KV blocks, and nobody enters before it" +
           place_in_queue(line);
  }
  return "waits behind " + name_of_request(line) + ": " + reason(line) + place_in_queue(line);
}

std::string words_of_enqueued(const StoryLine& line) {
  auto text = "enqueued: " + count(line.num_prompt_tokens, "prompt token");
  if (line.num_output_tokens > 0) {
    text += " and " + std::to_string(line.num_output_tokens) + " generated before";
  }
  text += ", " + std::to_string(line.max_output_tokens) + " to generate at most, priority " +
          std::to_string(line.priority);
  if (line.attempt > AttemptNumber{1}) {
    text += ", attempt " + std::to_string(line.attempt.value);
  }
  return text;
}

std::string words_of_held_back(const StoryLine& line) {
  auto text = "held back: up to " + count(line.num_blocks_needed, "KV block") + " needed";
  if (line.num_blocks_kept > 0) {
    text += " beside " + std::to_string(line.num_blocks_kept) + " kept for those who run";
  }
  return text + ", " + std::to_string(line.num_blocks_free) + " free after the step";
}

std::string words_of_admitted(const StoryLine& line) {
  auto text = std::string(line.preempted_before ? "admitted again" : "admitted");
  if (line.begin > 0) {
    text += ", " + std::to_string(line.begin) + " of " + count(line.num_known, "token") +
            " found cached";
  }
  return text + ": prefill " + range(line) + " of " + std::to_string(line.num_known);
}

std::string words_of_preempted(const StoryLine& line) {
  if (!line.other) {
    return "preempted: its KV blocks went to those before it";
  }
  auto text = "preempted by " + name_of_request(line);
  if (line.other_priority > line.priority) {
    text += " (priority " + std::to_string(line.other_priority) + " > " +
            std::to_string(line.priority) + ")";
  }
  return text + ", which took its seat";
}

std::string words_of_decodes(const StoryLine& line) {
  return "decodes " + count(line.end - line.begin, "token") + ", positions " + range(line);
}

std::string words_of_end(const StoryLine& line) {
  return "ended (" + line.reason + ") after " + count(line.num_output_tokens, "token") + ", " +
         seconds(line.since_arrival) + " s after its arrival";
}

std::string place_of(const StoryLine& line) {
  if (line.first_step == StepNumber{}) {
    return "";
  }
  const auto first = std::to_string(line.first_step.value);
  return line.first_step == line.last_step
             ? "step " + first + ": "
             : "steps " + first + "-" + std::to_string(line.last_step.value) + ": ";
}

}  // namespace

std::string words_of(const StoryLine& line) {
  switch (line.what) {
    case Happening::enqueued:
      return words_of_enqueued(line);
    case Happening::refused:
      return "refused: " + line.reason;
    case Happening::waits:
      return words_of_waits(line);
    case Happening::held_back:
      return words_of_held_back(line);
    case Happening::awaits_prefix:
      return "waits for a prefix that another request is computing";
    case Happening::crowded_out:
      return "waits: those before it took the last tokens of the step";
    case Happening::admitted:
      return words_of_admitted(line);
    case Happening::prefills:
      return "prefill " + range(line) + " of " + std::to_string(line.num_known);
    case Happening::decodes:
      return words_of_decodes(line);
    case Happening::pauses:
      return "keeps its seat, but pauses: " + reason(line);
    case Happening::preempted:
      return words_of_preempted(line);
    case Happening::first_token:
      return "first token, " + seconds(line.since_arrival) + " s after its arrival";
    case Happening::ended:
      return words_of_end(line);
    case Happening::cancelled:
      return "cancelled after " + count(line.num_output_tokens, "token");
    case Happening::ring_lost:
      return "the engine began ring " + std::to_string(line.ring.value) +
             " anew; the request is to come back as its next attempt";
  }
  return "";
}

std::string text_of(const StoryLine& line, TimePoint origin) {
  return seconds(line.first_time - origin) + " s  " + place_of(line) + words_of(line);
}

}  // namespace troupe::journal
