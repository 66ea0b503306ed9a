#include "transport/error_table.h"

#include "transport/json_writer.h"

namespace troupe::transport {
namespace {

constexpr std::string_view kInvalid = "invalid_request_error";
constexpr std::string_view kUnavailable = "unavailable_error";
constexpr std::string_view kTimeout = "timeout_error";
constexpr std::string_view kServer = "server_error";

// What a proxy in front of us would call it; no standard status says "cancelled by the client".
constexpr std::int32_t kClientClosedRequest = 499;

}  // namespace

ErrorLook look_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_json:
    case ErrorCode::invalid_value:
    case ErrorCode::unsupported:
    case ErrorCode::context_length_exceeded:
    case ErrorCode::never_fits:
      return {400, kInvalid, to_string(error.code)};
    case ErrorCode::not_found:
      return {404, "not_found_error", error.param == "model" ? "model_not_found" : ""};
    case ErrorCode::unauthorized:
      return {401, "authentication_error", "invalid_api_key"};
    case ErrorCode::resource_exhausted:
    case ErrorCode::queue_full:
    case ErrorCode::loading:
    case ErrorCode::draining:
    case ErrorCode::unhealthy:
      return {503, kUnavailable, to_string(error.code)};
    case ErrorCode::deadline_exceeded:
      return {504, kTimeout, to_string(error.code)};
    case ErrorCode::cancelled:
      return {kClientClosedRequest, kInvalid, to_string(error.code)};
    case ErrorCode::slow_consumer:
      return {408, kTimeout, to_string(error.code)};
    case ErrorCode::worker_lost:
      return {500, kServer, to_string(error.code)};
    case ErrorCode::invalid_model:
    case ErrorCode::device:
    case ErrorCode::io:
    case ErrorCode::internal:
      break;
  }
  return {500, kServer, to_string(ErrorCode::internal)};
}

ErrorLook look_of_status(std::int32_t status) {
  switch (status) {
    case 404:
      return {status, "not_found_error", ""};
    case 408:
      return {status, kTimeout, ""};
    case 503:
      return {status, kUnavailable, to_string(ErrorCode::resource_exhausted)};
    default:
      return {status, kInvalid, ""};
  }
}

void append_error_object(std::string& out, const ErrorLook& look, const Error& error) {
  const auto text_or_null = [](JsonWriter& json, std::string_view text) {
    if (text.empty()) {
      json.null();
    } else {
      json.value(text);
    }
  };
  JsonWriter json(out);
  json.begin_object().member("message", error.message).member("type", look.type);
  json.key("param");
  text_or_null(json, error.param);
  json.key("code");
  text_or_null(json, look.code);
  json.end_object();
}

std::string format_error(const Error& error) {
  std::string out = R"({"error":)";
  append_error_object(out, look_of(error), error);
  return out += '}';
}

std::string format_error(const ErrorLook& look, std::string message) {
  std::string out = R"({"error":)";
  append_error_object(out, look, {ErrorCode::internal, std::move(message), {}});
  return out += '}';
}

}  // namespace troupe::transport
