// The secrets of clients: compared, never logged; who pays is known by a name made from them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {

/// Compares in a time that depends on the lengths alone, never on where the two differ.
[[nodiscard]] bool same_secret(std::string_view given, std::string_view expected);

/// The key in `Authorization: Bearer KEY`, or empty.
[[nodiscard]] std::string_view bearer_key(std::string_view authorization);

/// The keys that open the door, and whose they are.
class KeyRing {
 public:
  /// No key: anyone may come.
  explicit KeyRing(const std::vector<std::string>& keys);

  [[nodiscard]] bool is_open() const { return holders_.empty(); }

  /// The tenant whose key `given` is: hexadecimal digits that tell nothing of the key, the same
  /// whenever the server is started. Empty for everybody at an open door, none for a stranger.
  [[nodiscard]] std::optional<std::string> tenant_of(std::string_view given) const;

 private:
  struct Holder {
    std::string key;
    std::string tenant;
  };

  std::vector<Holder> holders_;
};

}  // namespace troupe::transport
