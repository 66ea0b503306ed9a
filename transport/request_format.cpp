#include "transport/request_format.h"

#include "transport/error_table.h"
#include "transport/json_writer.h"
#include "transport/logprob_format.h"

#include <algorithm>
#include <chrono>

namespace troupe::transport {
namespace {

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

void append_end(std::string& out, const RequestSnapshot& choice) {
  out += R"(,"finish_reason":)";
  if (choice.finished) {
    append_json_string(out, to_string(choice.finished->reason));
    out += ',';
    append_stop_reason(out, *choice.finished);
  } else {
    out += R"(null,"stop_reason":null)";
  }
  out += R"(,"error":)";
  if (choice.error) {
    append_error_object(out, look_of(*choice.error), *choice.error);
  } else {
    out += "null";
  }
}

void append_choice(std::string& out, std::size_t index, const RequestSnapshot& choice) {
  JsonWriter json(out);
  json.begin_object()
      .member("index", index)
      .member("status", to_string(choice.phase))
      .member("text", choice.output.text)
      .key("tokens")
      .begin_array();
  for (const auto token : choice.output.tokens) {
    json.value(token);
  }
  json.end_array();
  if (!choice.output.logprobs.empty()) {
    out += R"(,"logprobs":)";
    append_position_list(out, choice.output.logprobs);
  }
  append_end(out, choice);
  out += R"(,"usage":)";
  append_usage(out, choice.usage);
  append_metrics(json, choice.usage, choice.timing);
  json.end_object();
}

}  // namespace

void append_metrics(JsonWriter& json, const Usage& usage, const Timing& timing) {
  const auto num_tokens = usage.num_output_tokens;
  const auto generation = milliseconds(timing.last_token - timing.first_token);
  const auto whole = milliseconds(timing.last_token);
  json.key("metrics")
      .begin_object()
      .member("time_to_first_token_ms", milliseconds(timing.first_token))
      .member("generation_time_ms", generation)
      .member("mean_itl_ms", num_tokens > 1 ? generation / (num_tokens - 1) : 0.0)
      .member("tokens_per_second", whole > 0.0 ? 1000.0 * num_tokens / whole : 0.0)
      .member("num_preemptions", timing.num_preemptions)
      .member("num_restarts", timing.num_restarts)
      .end_object();
}

RequestPhase phase_of(const std::vector<RequestSnapshot>& choices) {
  // The phases stand in the order of a life, and a failure of one is a failure of all.
  const auto has = [&](RequestPhase phase) {
    return std::ranges::find(choices, phase, &RequestSnapshot::phase) != choices.end();
  };
  if (has(RequestPhase::failed)) {
    return RequestPhase::failed;
  }
  if (has(RequestPhase::running)) {
    return RequestPhase::running;
  }
  if (has(RequestPhase::queued)) {
    return has(RequestPhase::finished) ? RequestPhase::running : RequestPhase::queued;
  }
  return RequestPhase::finished;
}

void append_request(std::string& out,
                    const ResponseIdentity& identity,
                    const std::vector<RequestSnapshot>& choices) {
  JsonWriter json(out);
  json.begin_object()
      .member("id", identity.id)
      .member("object", "request")
      .member("status", to_string(phase_of(choices)))
      .member("created", identity.created)
      .member("model", identity.model)
      .member("system_fingerprint", identity.fingerprint);
  if (!identity.service_tier.empty()) {
    json.member("service_tier", identity.service_tier);
  }
  out += R"(,"choices":[)";
  Usage usage;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    out += i == 0 ? "" : ",";
    append_choice(out, i, choices[i]);
    usage = usage + choices[i].usage;
  }
  out += R"(],"usage":)";
  append_usage(out, usage);
  json.end_object();
}

}  // namespace troupe::transport
