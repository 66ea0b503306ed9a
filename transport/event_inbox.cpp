#include "transport/event_inbox.h"

#include "engine/base/log.h"

#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <exception>
#include <mutex>
#include <utility>
#include <vector>

namespace troupe::transport {
namespace {

struct Letter {
  std::shared_ptr<EventReceiver> receiver;
  std::uint64_t tag = 0;
  Event event;
};

// Nothing that one receiver throws may reach the others: this is a connection's border.
template <class Work>
void guarded(EventReceiver& receiver, Work work) {
  try {
    work();
  } catch (const std::exception& thrown) {
    log::error("connection_died", {{"what", thrown.what()}});
    receiver.break_off();
  }
}

class InboxSink : public EventSink {
 public:
  InboxSink(std::shared_ptr<EventInbox> inbox,
            std::shared_ptr<EventReceiver> receiver,
            std::uint64_t tag)
      : inbox_(std::move(inbox)), receiver_(std::move(receiver)), tag_(tag) {}

  void deliver(Event event) noexcept override { inbox_->put(receiver_, tag_, std::move(event)); }

 private:
  std::shared_ptr<EventInbox> inbox_;
  std::shared_ptr<EventReceiver> receiver_;
  std::uint64_t tag_;
};

}  // namespace

struct EventInbox::Impl {
  std::mutex mutex;
  asio::io_context* io = nullptr;  // none once closed
  std::vector<Letter> letters;
  std::vector<Letter> batch;  // of the transport's thread; swapped, so that memory is reused
};

EventInbox::EventInbox(asio::io_context& io) : impl_(std::make_unique<Impl>()) {
  impl_->io = &io;
}

EventInbox::~EventInbox() = default;

void EventInbox::put(std::shared_ptr<EventReceiver> receiver, std::uint64_t tag, Event event) {
  const std::scoped_lock lock(impl_->mutex);
  if (impl_->io == nullptr) {
    return;
  }
  impl_->letters.push_back({std::move(receiver), tag, std::move(event)});
  if (impl_->letters.size() == 1) {
    asio::post(*impl_->io, [self = shared_from_this()] { self->take_out(); });
  }
}

void EventInbox::post(std::function<void()> work) {
  const std::scoped_lock lock(impl_->mutex);
  if (impl_->io != nullptr) {
    asio::post(*impl_->io, std::move(work));
  }
}

void EventInbox::close() {
  std::vector<Letter> dropped;  // destroyed outside the lock
  const std::scoped_lock lock(impl_->mutex);
  impl_->io = nullptr;
  dropped.swap(impl_->letters);
}

void EventInbox::take_out() {
  auto& batch = impl_->batch;
  {
    const std::scoped_lock lock(impl_->mutex);
    batch.swap(impl_->letters);
  }
  for (auto& letter : batch) {
    guarded(*letter.receiver,
            [&] { letter.receiver->receive(letter.tag, std::move(letter.event)); });
    letter.receiver->in_batch_ = true;
  }
  for (auto& letter : batch) {
    if (std::exchange(letter.receiver->in_batch_, false)) {
      guarded(*letter.receiver, [&] { letter.receiver->settle(); });
    }
  }
  batch.clear();
}

std::shared_ptr<EventSink> make_sink(std::shared_ptr<EventInbox> inbox,
                                     std::shared_ptr<EventReceiver> receiver,
                                     std::uint64_t tag) {
  return std::make_shared<InboxSink>(std::move(inbox), std::move(receiver), tag);
}

}  // namespace troupe::transport
