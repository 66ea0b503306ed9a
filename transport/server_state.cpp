#include "transport/server_state.h"

#include <chrono>
#include <utility>

namespace troupe::transport {
namespace {

constexpr std::size_t kScratchBytes = 64 * kKibibyte;

}  // namespace

ServerState::ServerState(ServerOptions chosen, asio::io_context& context, std::uint64_t seed)
    : options(std::move(chosen)),
      keys(options.api_keys),
      io(context),
      inbox(std::make_shared<EventInbox>(context)),
      ledger(std::make_shared<ConnectionLedger>(options.limits)),
      calls(std::make_shared<CallLedger>(options.limits.max_remembered_calls)),
      name_maker(seed),
      idle(context),
      scratch(kScratchBytes) {}

Result<std::shared_ptr<Service>> ServerState::open_service() const {
  if (draining) {
    return fail(ErrorCode::draining, "the server is shutting down and takes no new requests");
  }
  if (!service) {
    return fail(ErrorCode::loading, "the model is loading");
  }
  return service;
}

bool ServerState::may_log() {
  return log_gate.admit(std::chrono::steady_clock::now());
}

void ServerState::drain() {
  draining = true;
  // A copy: what a connection does may end another.
  for (const auto& [key, weak] : std::map(connections)) {
    if (const auto connection = weak.lock()) {
      connection->announce_drain();
    }
  }
  if (num_exchanges == 0) {
    idle.notify();
  }
}

void ServerState::shut_down(const Error& reason) {
  draining = true;
  for (const auto& [key, weak] : std::map(connections)) {
    if (const auto connection = weak.lock()) {
      connection->shut_down(reason);
    }
  }
}

LiveExchange::LiveExchange(std::shared_ptr<ServerState> state) : state_(std::move(state)) {
  ++state_->num_exchanges;
}

LiveExchange::~LiveExchange() {
  if (state_ && --state_->num_exchanges == 0) {
    state_->idle.notify();
  }
}

}  // namespace troupe::transport
