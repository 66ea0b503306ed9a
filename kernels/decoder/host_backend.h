// A backend for devices that are the host itself: plans are queued, and computed when waited for.
#pragma once

#include "engine/step/backend.h"
#include "kernels/decoder/operations.h"

#include <memory>

namespace troupe {

/// Takes ownership of `operations`. `num_layers`: of the model that they hold.
[[nodiscard]] std::unique_ptr<Backend> make_host_backend(std::unique_ptr<HostOperations> operations,
                                                         BackendDescription description,
                                                         std::int32_t num_layers);

}  // namespace troupe
