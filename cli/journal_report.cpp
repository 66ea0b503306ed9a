#include "cli/journal_report.h"

#include "cli/human_number.h"
#include "engine/journal/story_text.h"
#include "transport/json_writer.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace troupe::cli {
namespace {

using journal::ReplayReport;
using journal::StoryLine;

std::string counted(std::int64_t number, const std::string& noun) {
  return with_commas(number) + " " + noun + (number == 1 ? "" : "s");
}

std::string end_of(const ReplayReport& report) {
  switch (report.ending) {
    case journal::Ending::torn:
      return "ends within a record: " + counted(report.num_torn_bytes, "byte") + " left out";
    case journal::Ending::open:
      return "was not closed: its program was killed, or is still writing";
    case journal::Ending::closed:
      break;
  }
  switch (report.end_reason) {
    case journal::EndReason::backlog:
      return "was given up: the file was written too slowly";
    case journal::EndReason::large_record:
      return "was given up: a record was too large";
    case journal::EndReason::stopped:
      break;
  }
  return "complete";
}

void write_positions(transport::JsonWriter& json, const StoryLine& line) {
  json.member("begin", line.begin).member("end", line.end).member("known", line.num_known);
}

// What the line says beside its time, step and name.
void write_details(transport::JsonWriter& json, const StoryLine& line) {
  using journal::Happening;
  switch (line.what) {
    case Happening::enqueued:
      json.member("attempt", line.attempt.value)
          .member("prompt_tokens", line.num_prompt_tokens)
          .member("output_tokens", line.num_output_tokens)
          .member("max_output_tokens", line.max_output_tokens)
          .member("priority", line.priority);
      break;
    case Happening::waits:
    case Happening::pauses:
      json.member("reason", journal::name_of(line.hindrance));
      if (line.place_in_queue > 0) {
        json.member("place_in_queue", line.place_in_queue);
      }
      break;
    case Happening::held_back:
      json.member("blocks_needed", line.num_blocks_needed)
          .member("blocks_kept", line.num_blocks_kept)
          .member("blocks_free", line.num_blocks_free);
      break;
    case Happening::admitted:
      json.member("cached_tokens", line.begin).member("again", line.preempted_before);
      write_positions(json, line);
      break;
    case Happening::prefills:
    case Happening::decodes:
      write_positions(json, line);
      break;
    case Happening::first_token:
    case Happening::ended:
    case Happening::cancelled:
      json.member("output_tokens", line.num_output_tokens)
          .member("since_arrival_s", in_seconds(line.since_arrival));
      break;
    case Happening::refused:
    case Happening::awaits_prefix:
    case Happening::crowded_out:
    case Happening::preempted:
    case Happening::ring_lost:
      break;
  }
  if (line.other) {
    json.member("other_request", line.other->value);
  }
  if (!line.reason.empty()) {
    json.member("reason", line.reason);
  }
}

void write_line(transport::JsonWriter& json, const StoryLine& line, TimePoint origin) {
  json.begin_object()
      .member("time_s", in_seconds(line.first_time - origin))
      .member("until_s", in_seconds(line.last_time - origin))
      .member("ring", line.ring.value);
  if (line.first_step != StepNumber{}) {
    json.member("step", line.first_step.value).member("until_step", line.last_step.value);
  }
  json.member("event", journal::name_of(line.what));
  write_details(json, line);
  json.member("text", words_of(line)).end_object();
}

}  // namespace

std::string replay_problems(const ReplayReport& report) {
  std::ostringstream text;
  if (report.difference) {
    const auto& [ring, step, what, description] = *report.difference;
    text << "different: ring " << ring.value << ", step " << step.value << ": " << what << ": "
         << description << "\n";
  }
  if (report.damage) {
    text << report.damage->message << "; what is before it was replayed\n";
  }
  return text.str();
}

std::string replay_summary(const ReplayReport& report) {
  const auto& same = report.agreements;
  std::ostringstream text;
  text << replay_problems(report);
  text << (report.difference ? "identical before: " : "identical: ")
       << counted(same.num_proposals, "proposal") << ", " << counted(same.num_grants, "grant")
       << ", " << counted(same.num_plans, "plan") << ", " << counted(same.num_refusals, "refusal")
       << " in " << counted(report.num_rings, "ring") << "\n";
  for (const auto& [ring, check] : report.failed_rings) {
    text << "ring " << ring.value << " failed a check, as it did when it was recorded: " << check
         << "\n";
  }
  text << "journal: " << counted(report.num_records, "record") << ", "
       << human_bytes(report.num_bytes);
  if (!report.difference && !report.damage) {
    text << ", " << end_of(report);
  }
  text << "\n";
  return text.str();
}

std::string request_table(const journal::Explanation& explanation) {
  std::ostringstream text;
  text << "request   arrived (s)    prompt    output  preempted  attempts  end\n";
  text << std::fixed << std::setprecision(4);
  for (const auto& [request, entry] : explanation.requests) {
    text << std::setw(7) << request.value << std::setw(14)
         << in_seconds(entry.arrival - explanation.origin) << std::setw(10)
         << entry.num_prompt_tokens << std::setw(10) << entry.num_output_tokens << std::setw(11)
         << entry.num_preemptions << std::setw(10) << entry.attempt.value << "  "
         << journal::name_of(entry.fate) << "\n";
  }
  return text.str();
}

std::string unknown_request(RequestId request, const journal::Explanation& explanation) {
  constexpr std::size_t kNamed = 8;
  const auto& requests = explanation.requests;
  auto text = "request " + std::to_string(request.value) + " is not in the journal; ";
  if (requests.empty()) {
    return text + "there is none in it";
  }
  text += with_commas(std::ssize(requests)) + (requests.size() == 1 ? " is: " : " are: ");
  std::size_t num_named = 0;
  for (const auto& [known, entry] : requests) {
    if (num_named == kNamed) {
      return text + ", …";
    }
    text += (num_named++ == 0 ? "" : ", ") + std::to_string(known.value);
  }
  return text;
}

std::string story_text(const journal::Explanation& explanation) {
  std::string text;
  for (const auto& line : explanation.lines) {
    text += text_of(line, explanation.origin) + "\n";
  }
  return text;
}

std::string story_json(RequestId request, const journal::Explanation& explanation) {
  std::string text;
  transport::JsonWriter json(text);
  json.begin_object().member("request", request.value).key("lines").begin_array();
  for (const auto& line : explanation.lines) {
    write_line(json, line, explanation.origin);
  }
  json.end_array();
  const auto problems = replay_problems(explanation.replay);
  if (!problems.empty()) {
    json.member("problems", problems);
  }
  json.end_object();
  return text + "\n";
}

}  // namespace troupe::cli
