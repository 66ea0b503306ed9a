// How the actors of a company are spawned.
#pragma once

#include <cstdint>

namespace troupe {

/// `own_thread` for those that compute or block; tests run everybody in one deterministic pool.
enum class ThreadMode : std::uint8_t { own_thread, pool };

}  // namespace troupe
