#include "transport/outbox.h"

#include "engine/base/check.h"

namespace troupe::transport {

Result<void> Outbox::push(std::string_view bytes) {
  if (pending_bytes() > 0 && pending_bytes() + bytes.size() > capacity_bytes_) {
    return fail(ErrorCode::slow_consumer,
                "the client reads too slowly: " + std::to_string(pending_bytes()) +
                    " bytes wait for it, " + std::to_string(capacity_bytes_) + " may");
  }
  bytes_ += bytes;
  return {};
}

std::string_view Outbox::front() const {
  return std::string_view(bytes_).substr(begin_);
}

void Outbox::consume(std::size_t count) {
  TROUPE_CHECK(count <= pending_bytes(), "more was sent than was there");
  begin_ += count;
  if (begin_ == bytes_.size()) {
    // One great answer must not leave its memory with an idle connection.
    constexpr std::size_t kKeptBytes = std::size_t{16} * 1024;
    if (bytes_.capacity() > kKeptBytes) {
      bytes_ = {};
    }
    bytes_.clear();
    begin_ = 0;
  } else if (begin_ > bytes_.size() / 2) {
    bytes_.erase(0, begin_);
    begin_ = 0;
  }
}

}  // namespace troupe::transport
