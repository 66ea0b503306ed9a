// The calls that clients can come back to, by the names they know them by. A call belongs to the
// tenant that made it: to any other it does not exist. Belongs to the transport's thread.
#pragma once

#include "engine/base/ids.h"
#include "transport/openai_request.h"
#include "transport/openai_response.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::transport {

/// One call to a completion endpoint, as far as it matters to who comes back to it.
struct KnownCall {
  std::string tenant;
  ResponseIdentity identity;
  UsageReports usage_reports = UsageReports::none;
  bool has_echo = false;
  bool retained = false;            // goes on when its connection goes
  std::vector<RequestId> requests;  // in the order of its choices
};

class CallLedger {
 public:
  using Serial = std::uint64_t;

  /// Held by a call's first connection. Its destruction leaves the call: then it is one of those
  /// of which the ledger remembers a bounded number.
  class Ticket {
   public:
    Ticket(std::shared_ptr<CallLedger> ledger, Serial serial);
    Ticket(Ticket&&) noexcept = default;
    Ticket& operator=(Ticket&&) = delete;
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket();

   private:
    std::shared_ptr<CallLedger> ledger_;
    Serial serial_;
  };

  /// Beyond `max_left` calls that were left, the one that was left first is forgotten.
  explicit CallLedger(std::size_t max_left) : max_left_(max_left) {}

  /// Enters a call. Names that the tenant has in use by a call that was not left are left out; one
  /// that was left loses the name.
  [[nodiscard]] static Ticket enter(const std::shared_ptr<CallLedger>& ledger,
                                    KnownCall call,
                                    const std::vector<std::string>& names);

  /// The call that `tenant` knows by `name`, or null.
  [[nodiscard]] std::shared_ptr<const KnownCall> find(const std::string& tenant,
                                                      const std::string& name) const;

  /// Whether the call `name` has its first connection still. False for an unknown one.
  [[nodiscard]] bool is_attached(const std::string& tenant, const std::string& name) const;

 private:
  using Name = std::pair<std::string, std::string>;  // tenant, name

  struct Entry {
    std::shared_ptr<const KnownCall> call;
    std::vector<Name> names;
    bool attached = true;
  };

  [[nodiscard]] const Entry* entry_of(const Name& name) const;
  void leave(Serial serial);
  void forget(Serial serial);

  std::size_t max_left_;
  std::map<Name, Serial> names_;
  std::unordered_map<Serial, Entry> entries_;
  std::deque<Serial> left_;  // oldest first
  Serial next_serial_ = 0;
};

}  // namespace troupe::transport
