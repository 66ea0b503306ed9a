#include "transport/api_key.h"

#include "transport/sha256.h"

namespace troupe::transport {

bool same_secret(std::string_view given, std::string_view expected) {
  if (expected.empty()) {
    return given.empty();
  }
  // Walks what was given: its length is no secret. `volatile` keeps the loop from ending early.
  volatile unsigned difference = given.size() == expected.size() ? 0U : 1U;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto left = static_cast<unsigned char>(given[i]);
    const auto right = static_cast<unsigned char>(expected[i % expected.size()]);
    difference = difference | static_cast<unsigned>(left ^ right);
  }
  return difference == 0;
}

std::string_view bearer_key(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) {
    return {};
  }
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    // RFC 9110, section 11.1: the scheme's case does not matter. All of kScheme is lower case.
    const auto character = authorization[i];
    const auto lower =
        character >= 'A' && character <= 'Z' ? static_cast<char>(character + 32) : character;
    if (lower != kScheme[i]) {
      return {};
    }
  }
  auto key = authorization.substr(kScheme.size());
  while (key.starts_with(' ')) {
    key.remove_prefix(1);
  }
  return key;
}

KeyRing::KeyRing(const std::vector<std::string>& keys) {
  constexpr std::size_t kTenantBytes = 16;
  for (const auto& key : keys) {
    holders_.push_back({key, sha256_hex("troupe tenant " + key, kTenantBytes)});
  }
}

std::optional<std::string> KeyRing::tenant_of(std::string_view given) const {
  if (is_open()) {
    return std::string();
  }
  // All are looked at, so that the time does not tell which came near.
  const Holder* found = nullptr;
  for (const auto& holder : holders_) {
    if (same_secret(given, holder.key)) {
      found = &holder;
    }
  }
  return found == nullptr ? std::nullopt : std::optional(found->tenant);
}

}  // namespace troupe::transport
