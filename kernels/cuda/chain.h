// Whether kernels may overlap: asked of the device once, since every launch wants to know.
#pragma once

namespace troupe::cuda {

/// Of the device that was current at the first call; a program's devices are taken to be alike.
[[nodiscard]] bool can_chain();

}  // namespace troupe::cuda
