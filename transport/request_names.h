// The names by which clients know their requests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::transport {

/// Makes names that no other request of this server, or of one that ran before, has had, and that
/// cannot be guessed from others. Belongs to the transport's thread.
class NameMaker {
 public:
  explicit NameMaker(std::uint64_t seed) : seed_(seed) {}

  /// 32 hexadecimal digits.
  [[nodiscard]] std::string next();

 private:
  std::uint64_t seed_;
  std::uint64_t counter_ = 0;
};

/// True for 1 to `max_bytes` letters, digits and `-_.:`, so that it can stand in a header, a log
/// and a path.
[[nodiscard]] bool is_acceptable_name(std::string_view name, std::size_t max_bytes);

}  // namespace troupe::transport
