// The one door through which threads of the engine reach the transport's thread. Its lock is held
// for a push or a swap, and at most one wake-up is under way, however many events come.
#pragma once

#include "engine/api/event.h"
#include "transport/asio_forward.h"

#include <cstdint>
#include <functional>
#include <memory>

namespace troupe::transport {

/// Takes the events of requests, on the transport's thread.
class EventReceiver {
 public:
  EventReceiver() = default;
  EventReceiver(const EventReceiver&) = delete;
  EventReceiver& operator=(const EventReceiver&) = delete;
  virtual ~EventReceiver() = default;

  /// One event of the request that the receiver calls `tag`.
  virtual void receive(std::uint64_t tag, Event event) = 0;

  /// Called once after a batch in which there was something for this receiver: the time to send.
  virtual void settle() = 0;

  /// A call to the two above has thrown: give up what this receiver serves.
  virtual void break_off() noexcept = 0;

 private:
  friend class EventInbox;
  bool in_batch_ = false;
};

/// Bounded by its makers: the engine has a bounded number of requests, each with a bounded number
/// of tokens, and every batch is taken out as a whole.
class EventInbox : public std::enable_shared_from_this<EventInbox> {
 public:
  /// `io` runs on the transport's thread, and `close` is called before it goes.
  explicit EventInbox(asio::io_context& io);
  ~EventInbox();
  EventInbox(const EventInbox&) = delete;
  EventInbox& operator=(const EventInbox&) = delete;

  /// Any thread. After `close` the event is dropped.
  void put(std::shared_ptr<EventReceiver> receiver, std::uint64_t tag, Event event);

  /// Any thread. Runs `work` on the transport's thread, or never after `close`.
  void post(std::function<void()> work);

  /// What comes from now on is dropped.
  void close();

 private:
  struct Impl;
  void take_out();

  std::unique_ptr<Impl> impl_;
};

/// A sink whose events go to `receiver` under `tag`.
[[nodiscard]] std::shared_ptr<EventSink> make_sink(std::shared_ptr<EventInbox> inbox,
                                                   std::shared_ptr<EventReceiver> receiver,
                                                   std::uint64_t tag);

}  // namespace troupe::transport
