#include "engine/memory/salt_roots.h"

namespace troupe {

std::optional<PrefixId> SaltRoots::find(const std::string& salt) const {
  if (salt.empty()) {
    return PrefixId{};
  }
  const auto found = names_.find(salt);
  return found != names_.end() ? std::optional(found->second) : std::nullopt;
}

PrefixId SaltRoots::hold(const std::string& salt, PrefixId fresh) {
  if (salt.empty()) {
    return PrefixId{};
  }
  const auto name = names_.try_emplace(salt, fresh).first->second;
  auto& root = roots_[name];
  root.salt = salt;
  ++root.num_holders;
  return name;
}

void SaltRoots::hold(PrefixId prefix) {
  if (const auto root = roots_.find(prefix); root != roots_.end()) {
    ++root->second.num_holders;
  }
}

void SaltRoots::release(PrefixId prefix) {
  const auto root = roots_.find(prefix);
  if (root != roots_.end() && --root->second.num_holders == 0) {
    names_.erase(root->second.salt);
    roots_.erase(root);
  }
}

std::int32_t SaltRoots::num_holders(PrefixId prefix) const {
  const auto root = roots_.find(prefix);
  return root != roots_.end() ? root->second.num_holders : 0;
}

}  // namespace troupe
