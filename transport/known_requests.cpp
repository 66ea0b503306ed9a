#include "transport/known_requests.h"

#include "transport/pending_answer.h"

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include <chrono>
#include <optional>
#include <utility>

namespace troupe::transport {
namespace {

std::int64_t seconds_since_1970() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace

KnownCall describe_call(const ServerState& state,
                        const CompletionOrder& order,
                        const std::string& tenant,
                        std::string id) {
  const auto& model = state.service->model();
  KnownCall known;
  known.tenant = tenant;
  known.identity.endpoint = order.endpoint;
  known.identity.id = std::move(id);
  known.identity.model = model.name;
  known.identity.fingerprint = state.options.system_fingerprint;
  known.identity.created = seconds_since_1970();
  known.identity.service_tier = served_tier(order.terms, model);
  known.usage_reports = order.usage_reports;
  known.has_echo = !order.echoes.empty();
  known.retained = order.terms.retain.has_value();
  return known;
}

Result<std::shared_ptr<const KnownCall>> find_call(const ServerState& state,
                                                   const std::string& tenant,
                                                   const std::string& name) {
  if (!state.service) {
    return fail(ErrorCode::loading, "the model is loading");
  }
  auto call = state.calls->find(tenant, name);
  if (!call) {
    return fail(ErrorCode::not_found,
                "there is no request with this id here, or its result is kept no longer", "id");
  }
  return call;
}

Result<void> check_resumable(const ServerState& state,
                             const KnownCall& call,
                             const std::string& name) {
  if (!call.retained && state.calls->is_attached(call.tenant, name)) {
    return fail(ErrorCode::invalid_value,
                "the request was sent without retain, so that its stream belongs to its connection",
                "id");
  }
  if (call.has_echo) {
    return fail(ErrorCode::unsupported,
                "the stream of a request with echo cannot be taken up: prompts are not kept", "id");
  }
  return {};
}

Awaitable<Result<std::vector<RequestSnapshot>>> ask_after(std::shared_ptr<ServerState> state,
                                                          std::shared_ptr<const KnownCall> call) {
  using Pending = PendingAnswer<Result<RequestSnapshot>>;
  const auto deadline = std::chrono::steady_clock::now() + state->options.limits.answer_time;
  std::vector<std::shared_ptr<Pending>> questions;
  for (const auto request : call->requests) {
    questions.push_back(std::make_shared<Pending>(state->io));
    state->service->fetch(request, questions.back()->callback(state->inbox));
  }
  std::vector<RequestSnapshot> snapshots;
  for (const auto& pending : questions) {
    if (!pending->answer()) {
      co_await pending->arrived().wait_until(deadline);
    }
    auto& answer = pending->answer();
    if (!answer) {
      co_return fail(ErrorCode::unhealthy, "the engine did not answer in time");
    }
    if (!*answer) {
      co_return pass(std::move(*answer));
    }
    snapshots.push_back(std::move(**answer));
  }
  co_return snapshots;
}

}  // namespace troupe::transport
