// The clients of a play: what each asked for, what was done to it, what it heard, and whether that
// is what it had to hear.
#pragma once

#include "actors/caf_compat.h"
#include "engine/api/event.h"
#include "engine/api/service.h"

#include "rehearsal/heard.h"
#include "rehearsal/oracle.h"
#include "rehearsal/play.h"
#include "rehearsal/sightings.h"
#include "rehearsal/violation.h"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::rehearsal {

/// One stream of events to a client. A client that takes up its stream again has another.
struct Connection {
  Heard heard;
  bool is_first = true;
  bool is_replaced = false;
};

struct Client {
  const PlannedRequest* planned = nullptr;
  RequestId id;
  Expected expected;
  TimePoint arrival;
  AttemptNumber last_attempt;          // that an engine took
  std::deque<Connection> connections;  // the current one last

  caf::actor listener;  // of one that is an actor

  // What was done to it.
  bool is_cancelled = false;
  bool has_left = false;
  bool is_killed = false;

  [[nodiscard]] const Heard& heard() const { return connections.back().heard; }

  [[nodiscard]] bool was_accepted() const;
  [[nodiscard]] bool has_ended() const;
  /// Tokens that some connection has heard.
  [[nodiscard]] std::size_t num_heard_tokens() const;
};

/// What happened in the house that excuses some ends.
struct Excuses {
  bool draining = false;
  bool text_died = false;
  bool curtain = false;
};

/// Owned by the performance; events reach it from within actors, so it notes what is broken and
/// throws when asked.
class Audience {
 public:
  Audience(const Play& play, std::function<TimePoint()> now);
  Audience(const Audience&) = delete;
  Audience& operator=(const Audience&) = delete;
  ~Audience() = default;

  /// A client arrives; it has no request id yet. The reference is good for ever.
  Client& arrive(const PlannedRequest& planned);
  /// Its request has got a number, and with it a seed if it brought none.
  void name(Client& client, RequestId id, std::uint64_t seed_of_company);

  /// A new connection's sink.
  [[nodiscard]] std::shared_ptr<EventSink> connect(Client& client);
  void hear(Client& client, std::size_t connection, Event event) noexcept;

  /// Null: unknown.
  [[nodiscard]] Client* find(RequestId id);

  [[nodiscard]] std::deque<Client>& clients() { return clients_; }

  /// Events and ends so far: it grows while the house does something for somebody.
  [[nodiscard]] std::int64_t progress() const { return progress_; }

  /// Throws the first violation that was noted.
  void check() const;
  /// When everything is silent: everybody has heard one end.
  void check_ends(Sightings& sightings) const;
  /// When the company has left: whoever was accepted has heard one end.
  void check_all_told() const;
  /// What somebody is told who asks how a request stands.
  void look_at(const Client& client, const RequestSnapshot& snapshot) noexcept;
  /// The company says that it is drained but for so many requests.
  void look_at(std::int32_t num_left) noexcept;

  Excuses excuses;

 private:
  class ClientSink;

  void check_stream(const Client& client, const Connection& connection) const;
  void check_finished(const Client& client, const Heard& heard) const;
  void check_failed(const Client& client, const Connection& connection) const;
  [[nodiscard]] bool excused(const Client& client,
                             const Connection& connection,
                             ErrorCode code) const;

  const Play& play_;
  std::function<TimePoint()> now_;
  std::deque<Client> clients_;
  std::unordered_map<RequestId, Client*> by_id_;
  std::optional<Violation> broken_;
  std::int64_t progress_ = 0;
};

}  // namespace troupe::rehearsal
