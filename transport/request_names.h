// The names by which clients know their requests, and the engine's own for them. Belongs to the
// transport's thread.
#pragma once

#include "engine/base/ids.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {

/// Makes names that no other request of this server, or of one that ran before, has had.
class NameMaker {
 public:
  explicit NameMaker(std::uint64_t seed) : seed_(seed) {}

  /// 32 hexadecimal digits.
  [[nodiscard]] std::string next();

 private:
  std::uint64_t seed_;
  std::uint64_t counter_ = 0;
};

/// The live requests by name.
class RequestNames {
 public:
  /// Gives false, and changes nothing, when the name is taken by a live request.
  bool add(std::string name, std::vector<RequestId> requests);

  void remove(std::string_view name);

  /// The engine's requests behind `name`, or null.
  [[nodiscard]] const std::vector<RequestId>* find(std::string_view name) const;

 private:
  std::map<std::string, std::vector<RequestId>, std::less<>> live_;
};

/// True for 1 to `max_bytes` letters, digits and `-_.:`, so that it can stand in a header, a log
/// and a path.
[[nodiscard]] bool is_acceptable_name(std::string_view name, std::size_t max_bytes);

}  // namespace troupe::transport
