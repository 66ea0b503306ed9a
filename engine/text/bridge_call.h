// How this room's sources call the Rust bridge: memory that gives itself back, statuses as `Error`.
// Not for other rooms.
#pragma once

#include "engine/base/result.h"
#include "engine/text/bridge/bridge.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::bridge {

inline const std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

/// Bytes that Rust allocated, given back at the end of the scope.
class OwnedBytes {
 public:
  OwnedBytes() = default;
  OwnedBytes(const OwnedBytes&) = delete;
  OwnedBytes& operator=(const OwnedBytes&) = delete;

  ~OwnedBytes() { troupe_bridge_free_bytes(bytes_); }

  [[nodiscard]] TroupeOwnedBytes* out() { return &bytes_; }

  [[nodiscard]] std::string str() const {
    return bytes_.size == 0 ? std::string()
                            : std::string(reinterpret_cast<const char*>(bytes_.data), bytes_.size);
  }

 private:
  TroupeOwnedBytes bytes_{};
};

/// The `Error` for a status other than OK: `refused` unless a library panicked.
inline tl::unexpected<Error> failure(std::int32_t status,
                                     const OwnedBytes& message,
                                     ErrorCode refused,
                                     std::string_view prefix = {}) {
  const auto code = status == TROUPE_BRIDGE_PANICKED ? ErrorCode::internal : refused;
  return fail(code, std::string(prefix) + message.str());
}

}  // namespace troupe::bridge
