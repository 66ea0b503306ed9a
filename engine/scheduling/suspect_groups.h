// The requests of a crashed step inside one ring: which group runs alone now.
#pragma once

#include "engine/base/ids.h"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Names a group by its place in the order; `kEverybody` when no group has the stage to itself.
inline constexpr std::int32_t kEverybody = -1;

/// Owned by the scheduler; not thread-safe. A suspect that never arrives in this ring (its client
/// may be gone) keeps nobody waiting.
class SuspectGroups {
 public:
  explicit SuspectGroups(std::vector<std::vector<RequestId>> groups);

  /// A request is here. Returns its group, or `kEverybody` when it is no suspect.
  std::int32_t arrive(RequestId request);

  /// The request got a token or ended. Returns false when it was no suspect.
  bool clear(RequestId request);

  /// All of a group, cleared or not, here or not.
  [[nodiscard]] const std::vector<RequestId>& members(std::int32_t group) const {
    return groups_[static_cast<std::size_t>(group)];
  }

  [[nodiscard]] bool suspected(RequestId request) const { return suspects_.contains(request); }

  /// The first group with a member that is here and not cleared, or `kEverybody`.
  [[nodiscard]] std::int32_t first() const;

 private:
  enum class Presence : std::uint8_t { awaited, here };

  struct Suspect {
    std::int32_t group = kEverybody;
    Presence presence = Presence::awaited;
  };

  std::vector<std::vector<RequestId>> groups_;
  std::unordered_map<RequestId, Suspect> suspects_;
  std::vector<std::int32_t> num_here_;  // by group
};

}  // namespace troupe
