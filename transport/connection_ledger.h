// How many connections there are, in all and from each address, and whether one more may come.
#pragma once

#include "transport/limits.h"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace troupe::transport {

/// Where a connection comes from.
struct Peer {
  std::string address;
  bool is_loopback = false;
};

/// Belongs to the transport's thread, like the tickets.
class ConnectionLedger {
 public:
  /// One admitted connection; leaving is its destruction.
  class Ticket {
   public:
    Ticket(std::shared_ptr<ConnectionLedger> ledger, std::string address);
    Ticket(Ticket&&) noexcept = default;
    Ticket& operator=(Ticket&&) = delete;
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket();

   private:
    std::shared_ptr<ConnectionLedger> ledger_;
    std::string address_;
  };

  explicit ConnectionLedger(const Limits& limits);

  /// None when the house or this address has as many as it may.
  [[nodiscard]] static std::optional<Ticket> admit(const std::shared_ptr<ConnectionLedger>& ledger,
                                                   const Peer& peer);

  [[nodiscard]] std::size_t num_connections() const { return num_connections_; }

 private:
  std::size_t max_connections_;
  std::size_t max_per_address_;
  std::size_t num_connections_ = 0;
  std::map<std::string, std::size_t> by_address_;
};

}  // namespace troupe::transport
