#include "transport/call_ledger.h"

#include <utility>

namespace troupe::transport {

const CallLedger::Entry* CallLedger::entry_of(const Name& name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : &entries_.at(found->second);
}

CallLedger::Ticket CallLedger::enter(const std::shared_ptr<CallLedger>& ledger,
                                     KnownCall call,
                                     const std::vector<std::string>& names) {
  const auto serial = ledger->next_serial_++;
  Entry entry;
  for (const auto& name : names) {
    Name full(call.tenant, name);
    const auto* other = ledger->entry_of(full);
    if (other == nullptr || !other->attached) {
      ledger->names_[full] = serial;
      entry.names.push_back(std::move(full));
    }
  }
  entry.call = std::make_shared<const KnownCall>(std::move(call));
  ledger->entries_.emplace(serial, std::move(entry));
  return {ledger, serial};
}

CallLedger::Ticket::Ticket(std::shared_ptr<CallLedger> ledger, Serial serial)
    : ledger_(std::move(ledger)), serial_(serial) {}

CallLedger::Ticket::~Ticket() {
  if (ledger_) {  // else moved from
    ledger_->leave(serial_);
  }
}

void CallLedger::leave(Serial serial) {
  entries_.at(serial).attached = false;
  left_.push_back(serial);
  if (left_.size() > max_left_) {
    forget(left_.front());
    left_.pop_front();
  }
}

std::shared_ptr<const KnownCall> CallLedger::find(const std::string& tenant,
                                                  const std::string& name) const {
  const auto* entry = entry_of({tenant, name});
  return entry == nullptr ? nullptr : entry->call;
}

bool CallLedger::is_attached(const std::string& tenant, const std::string& name) const {
  const auto* entry = entry_of({tenant, name});
  return entry != nullptr && entry->attached;
}

void CallLedger::forget(Serial serial) {
  const auto found = entries_.find(serial);
  for (const auto& name : found->second.names) {
    // A later call may have taken the name over.
    if (const auto named = names_.find(name); named != names_.end() && named->second == serial) {
      names_.erase(named);
    }
  }
  entries_.erase(found);
}

}  // namespace troupe::transport
