// What the machine itself can do: the most that any kernel could reach.
#pragma once

#include "kernels/cpu/thread_team.h"

#include <cstddef>
#include <span>

namespace troupe::test {

/// Reads all of `memory`, shared out among the team, with nothing to compute.
void read_all(cpu::ThreadTeam& team, std::span<const std::byte> memory);

/// Operations that `run_dots` does: a product and a sum are two.
[[nodiscard]] double num_dot_operations(const cpu::ThreadTeam& team);

/// Bfloat16 dot products from register to register, on every thread. Does nothing on a processor
/// without the instruction; `has_dots` tells.
void run_dots(cpu::ThreadTeam& team);

[[nodiscard]] bool has_dots();

}  // namespace troupe::test
