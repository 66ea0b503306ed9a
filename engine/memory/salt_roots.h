// Where the chains of prefixes begin: one root for each salt, so that equal tokens under different
// salts never meet.
#pragma once

#include "engine/memory/prefix_index.h"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace troupe {

/// Owned by the block store; not thread-safe. A root lives while somebody holds it: a seated
/// sequence, or a block or host slot whose content begins a chain. So there are never more roots
/// than those. The root of the empty salt, 0, always lives.
class SaltRoots {
 public:
  /// Compares salts as they are. Nothing when nobody holds such a root.
  [[nodiscard]] std::optional<PrefixId> find(const std::string& salt) const;

  /// Holds the root of a salt; one that does not live yet gets the name `fresh`.
  PrefixId hold(const std::string& salt, PrefixId fresh);

  /// For an entry of a cache whose parent is `prefix`: holds it, or lets it go, if it is a root.
  void hold(PrefixId prefix);
  void release(PrefixId prefix);

  [[nodiscard]] std::int32_t size() const { return static_cast<std::int32_t>(roots_.size()); }

  /// How many hold a root; 0 when it is none, or that of the empty salt.
  [[nodiscard]] std::int32_t num_holders(PrefixId prefix) const;

 private:
  struct Root {
    std::string salt;
    std::int32_t num_holders = 0;
  };

  std::unordered_map<std::string, PrefixId> names_;
  std::unordered_map<PrefixId, Root> roots_;
};

}  // namespace troupe
