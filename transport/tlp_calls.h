// The live requests of one line-protocol connection and what is to be sent of them: events go in as
// they come, lines come out as the client reads. Knows no socket.
#pragma once

#include "engine/base/ids.h"
#include "transport/choice_state.h"
#include "transport/server_state.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {

class TlpCalls {
 public:
  [[nodiscard]] std::size_t size() const { return calls_.size(); }

  [[nodiscard]] bool contains(std::string_view id) const;

  /// The tag under which the events of the next request must come.
  [[nodiscard]] std::uint64_t next_tag() const { return next_tag_; }

  /// What becomes of a request when its connection goes.
  enum class Tie : std::uint8_t { bound, retained };

  struct Start {
    RequestId request;
    Tie tie = Tie::bound;
    std::optional<CallLedger::Ticket> ticket;  // when clients may come back to it
    LiveExchange exchange;
  };

  /// The request with `next_tag()` is live. `id` is not in use.
  void add(std::string id, Start start);

  /// The engine's name of a live request.
  [[nodiscard]] std::optional<RequestId> find(std::string_view id) const;

  /// The live requests that go with their connection.
  [[nodiscard]] std::vector<RequestId> bound_requests() const;

  /// All live requests.
  [[nodiscard]] std::vector<RequestId> requests() const;

  /// One event; of an unknown tag it is dropped.
  void put(std::uint64_t tag, Event event);

  /// Appends lines for what has come, oldest news first, until `out` has `max_bytes`. What is left
  /// waits for the next call, merged with what comes meanwhile. Gives how many requests ended.
  std::size_t append_lines(std::string& out, std::size_t max_bytes);

  /// Ends every request with one error line each.
  void append_failures(std::string& out, const Error& error);

  /// About how much memory the events take that were not sent yet.
  [[nodiscard]] std::size_t held_bytes() const { return held_bytes_; }

  /// The exchanges of requests whose last line was made since the last call.
  [[nodiscard]] std::vector<LiveExchange> take_ended();

 private:
  struct Call {
    std::string id;
    Start start;
    ChoiceState choice;
    std::uint64_t sequence = 0;
    std::int32_t num_places = 0;  // of the output that its client has
    bool accepted_sent = false;
    bool has_news = false;
  };

  [[nodiscard]] bool append_news(std::string& out, Call& call);
  void erase(std::map<std::uint64_t, Call>::iterator call);

  std::map<std::uint64_t, Call> calls_;  // by tag
  std::map<std::string, std::uint64_t, std::less<>> by_id_;
  std::deque<std::uint64_t> news_;  // tags with something to send, oldest first
  std::vector<LiveExchange> ended_;
  std::uint64_t next_tag_ = 0;
  std::size_t held_bytes_ = 0;
};

}  // namespace troupe::transport
