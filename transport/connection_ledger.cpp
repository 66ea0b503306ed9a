#include "transport/connection_ledger.h"

#include <utility>

namespace troupe::transport {

ConnectionLedger::ConnectionLedger(const Limits& limits)
    : max_connections_(limits.max_connections),
      max_per_address_(limits.max_connections_per_address) {}

std::optional<ConnectionLedger::Ticket> ConnectionLedger::admit(
    const std::shared_ptr<ConnectionLedger>& ledger, const Peer& peer) {
  const auto found = ledger->by_address_.find(peer.address);
  const auto num_from_there = found == ledger->by_address_.end() ? 0 : found->second;
  if (ledger->num_connections_ >= ledger->max_connections_ ||
      (!peer.is_loopback && num_from_there >= ledger->max_per_address_)) {
    return std::nullopt;
  }
  return std::optional<Ticket>(std::in_place, ledger, peer.address);
}

ConnectionLedger::Ticket::Ticket(std::shared_ptr<ConnectionLedger> ledger, std::string address)
    : ledger_(std::move(ledger)), address_(std::move(address)) {
  ++ledger_->num_connections_;
  ++ledger_->by_address_[address_];
}

ConnectionLedger::Ticket::~Ticket() {
  if (!ledger_) {
    return;  // moved from
  }
  --ledger_->num_connections_;
  const auto found = ledger_->by_address_.find(address_);
  if (--found->second == 0) {
    ledger_->by_address_.erase(found);
  }
}

}  // namespace troupe::transport
