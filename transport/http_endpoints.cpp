#include "transport/http_endpoints.h"

#include "transport/error_reply.h"
#include "transport/json_reader.h"
#include "transport/json_writer.h"
#include "transport/known_requests.h"
#include "transport/openai_request.h"
#include "transport/pending_answer.h"
#include "transport/request_format.h"
#include "transport/status_format.h"

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace troupe::transport {
namespace {

using Clock = std::chrono::steady_clock;
using StatePtr = std::shared_ptr<ServerState>;

HttpReply json_reply(std::string body) {
  HttpReply reply;
  reply.body = std::move(body);
  return reply;
}

HttpReply refuse(const ServerState& state, const Error& error) {
  return error_reply(error, state.drain_rate);
}

Error silent_service() {
  return {ErrorCode::unhealthy, "the engine did not answer in time", {}};
}

// Waits for an answer to one question; none when the service is silent. The caller has asked.
template <class T>
Awaitable<std::optional<T>> wait_for(StatePtr state, std::shared_ptr<PendingAnswer<T>> pending) {
  const auto deadline = Clock::now() + state->options.limits.answer_time;
  if (!pending->answer()) {
    co_await pending->arrived().wait_until(deadline);
  }
  co_return std::move(pending->answer());
}

Awaitable<std::optional<ServiceStatus>> ask_status(StatePtr state) {
  auto pending = std::make_shared<PendingAnswer<ServiceStatus>>(state->io);
  state->service->status(pending->callback(state->inbox));
  co_return co_await wait_for(state, pending);
}

HttpReply health_reply(const ServerState& state, HouseState house, std::string body) {
  auto reply = json_reply(std::move(body));
  if (house != HouseState::ready) {
    auto refusal = refuse(state, {ErrorCode::loading, {}, {}});
    reply.status = refusal.status;
    reply.fields = std::move(refusal.fields);
  }
  return reply;
}

Awaitable<HttpReply> answer_health(StatePtr state, Route route) {
  auto house = HouseState::loading;
  ServiceStatus status;
  if (state->service) {
    auto asked = co_await ask_status(state);
    house = asked ? house_state(*asked) : HouseState::unhealthy;
    status = std::move(asked).value_or(ServiceStatus());
  }
  if (state->draining) {
    house = HouseState::draining;
  }
  co_return health_reply(
      *state, house, route == Route::health ? format_health(house) : format_ready(house, status));
}

Awaitable<HttpReply> answer_load(StatePtr state) {
  std::int32_t load = 0;
  if (state->service) {
    const auto status = co_await ask_status(state);
    if (!status) {
      co_return refuse(*state, silent_service());
    }
    load = status->num_live_requests;
  }
  co_return json_reply(R"({"server_load":)" + std::to_string(load) + "}");
}

Awaitable<HttpReply> answer_metrics(StatePtr state) {
  HttpReply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  if (state->service) {
    auto pending = std::make_shared<PendingAnswer<std::string>>(state->io);
    state->service->metrics(pending->callback(state->inbox));
    auto text = co_await wait_for(state, pending);
    if (!text) {
      co_return refuse(*state, silent_service());
    }
    reply.body = std::move(*text);
  }
  state->metrics.append_text(reply.body);
  co_return reply;
}

void append_model(std::string& out, const ModelCard& model) {
  JsonWriter(out)
      .begin_object()
      .member("id", model.name)
      .member("object", "model")
      .member("created", 0)
      .member("owned_by", "troupe")
      .member("max_model_len", model.max_model_len)
      .end_object();
}

HttpReply answer_models(const ServerState& state, const RouteMatch& match) {
  if (!state.service) {
    return refuse(state, {ErrorCode::loading, "the model is loading", {}});
  }
  const auto& model = state.service->model();
  std::string body;
  if (match.route == Route::models) {
    body = R"({"object":"list","data":[)";
    append_model(body, model);
    body += "]}";
    return json_reply(std::move(body));
  }
  if (match.rest != model.name) {
    return refuse(state, {ErrorCode::not_found,
                          "there is no such model here; served: \"" + model.name + "\"", "model"});
  }
  append_model(body, model);
  return json_reply(std::move(body));
}

Awaitable<HttpReply> answer_request(StatePtr state, std::string tenant, std::string name) {
  auto call = find_call(*state, tenant, name);
  if (!call) {
    co_return refuse(*state, call.error());
  }
  const auto snapshots = co_await ask_after(state, *call);
  if (!snapshots) {
    co_return refuse(*state, snapshots.error());
  }
  std::string body;
  append_request(body, (*call)->identity, *snapshots);
  co_return json_reply(std::move(body));
}

bool is_live(RequestPhase phase) {
  return phase == RequestPhase::queued || phase == RequestPhase::running;
}

Awaitable<HttpReply> answer_cancel(StatePtr state, std::string tenant, std::string name) {
  const Error not_live{ErrorCode::not_found, "no live request has this id", "id"};
  const auto call = find_call(*state, tenant, name);
  if (!call) {
    co_return refuse(*state, not_live);
  }
  const auto snapshots = co_await ask_after(state, *call);
  if (!snapshots) {
    co_return refuse(*state,
                     snapshots.error().code == ErrorCode::not_found ? not_live : snapshots.error());
  }
  if (std::ranges::none_of(*snapshots, is_live, &RequestSnapshot::phase)) {
    co_return refuse(*state, not_live);
  }
  for (const auto request : (*call)->requests) {
    state->service->cancel(request);
  }
  std::string body;
  JsonWriter(body)
      .begin_object()
      .member("id", name)
      .member("object", "request")
      .member("cancelled", true)
      .end_object();
  co_return json_reply(std::move(body));
}

Result<JsonValue> read_body(const ServerState& state, const HttpRequest& request) {
  const auto& limits = state.options.limits;
  return read_json(request.body, {limits.max_json_depth, limits.max_json_values});
}

Result<void> check_model(const ServerState& state, const std::string& asked) {
  const auto& model = state.service->model();
  if (asked.empty() || asked == model.name) {
    return {};
  }
  return fail(ErrorCode::not_found, "there is no such model here; served: \"" + model.name + "\"",
              "model");
}

Awaitable<HttpReply> answer_tokenize(StatePtr state, HttpRequest request) {
  auto body = read_body(*state, request);
  if (!body) {
    co_return refuse(*state, body.error());
  }
  auto order = parse_tokenize(std::move(*body));
  if (!order) {
    co_return refuse(*state, order.error());
  }
  if (auto checked = validate(*order, state->service->model()); !checked) {
    co_return refuse(*state, checked.error());
  }
  auto pending = std::make_shared<PendingAnswer<Result<std::vector<TokenId>>>>(state->io);
  state->service->tokenize(std::move(order->prompt), pending->callback(state->inbox));
  auto answer = co_await wait_for(state, pending);
  if (!answer) {
    co_return refuse(*state, silent_service());
  }
  if (!*answer) {
    co_return refuse(*state, answer->error());
  }
  const auto& tokens = **answer;
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .member("count", tokens.size())
      .member("max_model_len", state->service->model().max_model_len)
      .key("tokens")
      .begin_array();
  for (const auto token : tokens) {
    json.value(token);
  }
  json.end_array().end_object();
  co_return json_reply(std::move(out));
}

// The order, if the model that it names is ours and has all its tokens.
Result<DetokenizeOrder> read_detokenize(const ServerState& state, const HttpRequest& request) {
  auto body = read_body(state, request);
  if (!body) {
    return pass(std::move(body));
  }
  auto order = parse_detokenize(std::move(*body), state.options.limits.max_detokenized);
  if (!order) {
    return order;
  }
  if (auto checked = check_model(state, order->model); !checked) {
    return pass(std::move(checked));
  }
  const auto vocab_size = state.service->model().vocab_size;
  for (const auto token : order->tokens) {
    if (token >= vocab_size) {
      return fail(ErrorCode::invalid_value,
                  "tokens has " + std::to_string(token) + ", the vocabulary ends at " +
                      std::to_string(vocab_size - 1),
                  "tokens");
    }
  }
  return order;
}

Awaitable<HttpReply> answer_detokenize(StatePtr state, HttpRequest request) {
  auto order = read_detokenize(*state, request);
  if (!order) {
    co_return refuse(*state, order.error());
  }
  auto pending = std::make_shared<PendingAnswer<Result<std::string>>>(state->io);
  state->service->detokenize(std::move(order->tokens), pending->callback(state->inbox));
  auto answer = co_await wait_for(state, pending);
  if (!answer) {
    co_return refuse(*state, silent_service());
  }
  if (!*answer) {
    co_return refuse(*state, answer->error());
  }
  std::string out;
  JsonWriter(out).begin_object().member("prompt", **answer).end_object();
  co_return json_reply(std::move(out));
}

std::string format_version(const ServerState& state) {
  std::string out;
  JsonWriter(out).begin_object().member("version", state.options.version).end_object();
  return out;
}

}  // namespace

Awaitable<HttpReply> answer_endpoint(StatePtr state,
                                     HttpRequest request,
                                     RouteMatch match,
                                     std::string tenant) {
  switch (match.route) {
    case Route::live:
      co_return json_reply(R"({"status":"ok"})");
    case Route::version:
      co_return json_reply(format_version(*state));
    case Route::health:
    case Route::ready:
      co_return co_await answer_health(state, match.route);
    case Route::load:
      co_return co_await answer_load(state);
    case Route::metrics:
      co_return co_await answer_metrics(state);
    case Route::models:
    case Route::model:
      co_return answer_models(*state, match);
    case Route::request:
    case Route::request_stream:  // its HEAD: whether it is there
      co_return co_await answer_request(state, std::move(tenant), match.rest);
    case Route::cancel_request:
      co_return co_await answer_cancel(state, std::move(tenant), match.rest);
    default:
      break;
  }
  // What is left asks the service for work.
  if (const auto service = state->open_service(); !service) {
    co_return refuse(*state, service.error());
  }
  if (match.route == Route::tokenize) {
    co_return co_await answer_tokenize(state, std::move(request));
  }
  co_return co_await answer_detokenize(state, std::move(request));
}

}  // namespace troupe::transport
