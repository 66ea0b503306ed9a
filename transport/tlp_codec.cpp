#include "transport/tlp_codec.h"

#include "transport/error_table.h"
#include "transport/field_reader.h"
#include "transport/json_writer.h"
#include "transport/logprob_format.h"
#include "transport/openai_response.h"
#include "transport/request_format.h"
#include "transport/status_format.h"

#include <limits>
#include <utility>

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

// The terms of a request may stand beside its body as well as in it.
void move_terms(JsonObject& line) {
  constexpr std::string_view kTerms[] = {"deadline_ms", "service_tier", "priority", "retain"};
  auto* place = find_member(line, "body");
  auto* body = place == nullptr ? nullptr : place->object();
  for (const auto name : kTerms) {
    auto* term = find_member(line, name);
    if (term != nullptr && body != nullptr && find_member(*body, name) == nullptr) {
      body->push_back({std::string(name), std::move(*term)});
    }
  }
}

// `{"id":…,"ev":…,"seq":…`, open for more.
JsonWriter& begin_event(JsonWriter& json, const TlpEventHead& head, std::string_view event) {
  return json.begin_object().member("id", head.id).member("ev", event).member("seq", head.sequence);
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
  if (const auto* key = text_member(*object, "key")) {
    command.key = *key;
  }
  if (const auto* echo = find_member(*object, "t"); echo != nullptr && echo->integer() != nullptr) {
    command.echo = *echo->integer();
  }
  if (auto* from = find_member(*object, "from")) {
    constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
    auto places = read_count("from", *from, {0, kLargest});
    if (!places) {
      return tl::unexpected(TlpProblem{command.id, std::move(places).error()});
    }
    command.from = *places;
  }
  move_terms(*object);
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
  begin_event(json, head, "accepted").member("prompt_tokens", accepted.num_prompt_tokens);
  if (accepted.skipped.num_places > 0) {
    json.member("from", accepted.skipped.num_places);
  }
  json.end_object();
  out += '\n';
}

void append_delta(std::string& out,
                  const TlpEventHead& head,
                  const Delta& delta,
                  std::optional<std::int32_t> place) {
  JsonWriter json(out);
  begin_event(json, head, "delta")
      .member("i", 0)
      .member("text", delta.text)
      .member("n", delta.tokens.size());
  if (place) {
    json.member("at", *place);
  }
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
  out += ',';
  append_stop_reason(out, finished);
  out += R"(,"usage":)";
  append_usage(out, finished.usage);
  append_metrics(json, finished.usage, finished.timing);
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
