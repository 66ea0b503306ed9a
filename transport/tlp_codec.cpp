#include "transport/tlp_codec.h"

#include "transport/error_table.h"
#include "transport/json_writer.h"
#include "transport/logprob_format.h"
#include "transport/openai_response.h"
#include "transport/status_format.h"

#include <chrono>
#include <utility>
#include <variant>

namespace troupe::transport {
namespace {

struct OperationName {
  std::string_view name;
  TlpOperation operation;
};

constexpr OperationName kOperations[] = {
    {"hello", TlpOperation::hello},       {"chat", TlpOperation::chat},
    {"complete", TlpOperation::complete}, {"cancel", TlpOperation::cancel},
    {"resume", TlpOperation::resume},     {"ping", TlpOperation::ping},
    {"stats", TlpOperation::stats},
};

bool names_a_request(TlpOperation operation) {
  return operation == TlpOperation::chat || operation == TlpOperation::complete ||
         operation == TlpOperation::cancel || operation == TlpOperation::resume;
}

const std::string* text_member(const JsonObject& object, std::string_view name) {
  const auto* member = find_member(object, name);
  return member == nullptr ? nullptr : member->text();
}

tl::unexpected<TlpProblem> problem(std::string id,
                                   ErrorCode code,
                                   std::string message,
                                   std::string param = {}) {
  return tl::unexpected(
      TlpProblem{std::move(id), Error{code, std::move(message), std::move(param)}});
}

// Members of later versions that must not be dropped in silence. Empty: none is there.
std::string unsupported_member(const JsonObject& object) {
  if (const auto* deadline = find_member(object, "deadline_ms");
      deadline != nullptr && !deadline->is_null() && deadline->number() != 0.0) {
    return "deadline_ms";
  }
  if (const auto* tier = text_member(object, "service_tier");
      tier != nullptr && *tier != "default" && *tier != "auto") {
    return "service_tier";
  }
  return {};
}

// `{"id":…,"ev":…,"seq":…`, open for more.
JsonWriter& begin_event(JsonWriter& json, const TlpEventHead& head, std::string_view event) {
  return json.begin_object().member("id", head.id).member("ev", event).member("seq", head.sequence);
}

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

void append_timing(JsonWriter& json, const Finished& finished) {
  const auto& timing = finished.timing;
  const auto num_tokens = finished.usage.num_output_tokens;
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

}  // namespace

tl::expected<TlpCommand, TlpProblem> parse_command(JsonValue line, std::size_t max_id_bytes) {
  auto* object = line.object();
  if (object == nullptr) {
    return problem({}, ErrorCode::invalid_json, "a line must be a JSON object");
  }
  TlpCommand command;
  const auto* id = text_member(*object, "id");
  if (id != nullptr && id->size() <= max_id_bytes) {
    command.id = *id;
  }
  const auto* name = text_member(*object, "op");
  if (name == nullptr) {
    return problem(command.id, ErrorCode::invalid_value, "op is missing", "op");
  }
  const auto* known = std::begin(kOperations);
  while (known != std::end(kOperations) && known->name != *name) {
    ++known;
  }
  if (known == std::end(kOperations)) {
    return problem(command.id, ErrorCode::unsupported, "op is none of this protocol's", "op");
  }
  command.operation = known->operation;
  if (names_a_request(command.operation) && command.id.empty()) {
    return problem({}, ErrorCode::invalid_value,
                   "id must be a string of 1 to " + std::to_string(max_id_bytes) + " bytes", "id");
  }
  if (auto member = unsupported_member(*object); !member.empty()) {
    return problem(command.id, ErrorCode::unsupported,
                   member + " is not supported by this server; leave it out", member);
  }
  if (const auto* key = text_member(*object, "key")) {
    command.key = *key;
  }
  if (const auto* echo = find_member(*object, "t"); echo != nullptr && echo->integer() != nullptr) {
    command.echo = *echo->integer();
  }
  if (auto* body = find_member(*object, "body")) {
    command.body = std::move(*body);
  }
  return command;
}

void append_greeting(std::string& out, const TlpGreeting& greeting) {
  JsonWriter json(out);
  json.begin_object().member("tlp", 1).member("server", greeting.server);
  json.key("model");
  if (greeting.model == nullptr) {
    json.null().key("max_model_len").null();
  } else {
    json.value(greeting.model->name).member("max_model_len", greeting.model->max_model_len);
  }
  json.member("auth", greeting.needs_key).end_object();
  out += '\n';
}

void append_welcome(std::string& out) {
  out += "{\"ev\":\"welcome\"}\n";
}

void append_accepted(std::string& out, const TlpEventHead& head, const Accepted& accepted) {
  JsonWriter json(out);
  begin_event(json, head, "accepted")
      .member("prompt_tokens", accepted.num_prompt_tokens)
      .end_object();
  out += '\n';
}

void append_delta(std::string& out, const TlpEventHead& head, const Delta& delta) {
  JsonWriter json(out);
  begin_event(json, head, "delta")
      .member("i", 0)
      .member("text", delta.text)
      .member("n", delta.tokens.size());
  if (!delta.logprobs.empty()) {
    out += R"(,"logprobs":)";
    append_position_list(out, delta.logprobs);
  }
  json.end_object();
  out += '\n';
}

void append_done(std::string& out, const TlpEventHead& head, const Finished& finished) {
  JsonWriter json(out);
  begin_event(json, head, "done").member("finish_reason", to_string(finished.reason));
  json.key("stop_reason");
  if (const auto* token = std::get_if<TokenId>(&finished.stop_reason)) {
    json.value(*token);
  } else if (const auto* text = std::get_if<std::string>(&finished.stop_reason)) {
    json.value(*text);
  } else {
    json.null();
  }
  out += R"(,"usage":)";
  append_usage(out, finished.usage);
  append_timing(json, finished);
  json.end_object();
  out += '\n';
}

void append_failed(std::string& out, const TlpEventHead& head, const Error& error) {
  JsonWriter json(out);
  begin_event(json, head, "error");
  out += R"(,"error":)";
  append_error_object(out, look_of(error), error);
  json.end_object();
  out += '\n';
}

void append_problem(std::string& out, std::string_view id, const Error& error) {
  JsonWriter json(out);
  json.begin_object();
  if (!id.empty()) {
    json.member("id", id);
  }
  json.member("ev", "error");
  out += R"(,"error":)";
  append_error_object(out, look_of(error), error);
  json.end_object();
  out += '\n';
}

void append_pong(std::string& out, const std::optional<std::int64_t>& echo) {
  JsonWriter json(out);
  json.begin_object().member("ev", "pong").key("t");
  if (echo) {
    json.value(*echo);
  } else {
    json.null();
  }
  json.end_object();
  out += '\n';
}

void append_stats(std::string& out, const ServiceStatus& status) {
  JsonWriter json(out);
  json.begin_object()
      .member("ev", "stats")
      .member("status", to_string(house_state(status)))
      .member("live_requests", status.num_live_requests);
  out += R"(,"engines":)";
  append_engines(out, status);
  json.end_object();
  out += '\n';
}

void append_draining(std::string& out) {
  out += "{\"ev\":\"draining\"}\n";
}

}  // namespace troupe::transport
