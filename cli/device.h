// The choice of a device: which backend computes, with how many KV blocks.
#pragma once

#include "cli/assembly.h"
#include "engine/base/result.h"
#include "engine/model/weights.h"
#include "engine/step/backend.h"

#include <memory>

namespace troupe::cli {

struct Device {
  BackendFactory factory;  // its first call hands out the backend that was described
  BackendDescription description;
};

/// Makes the first backend at once, so that what is wrong is said before anybody waits for it; the
/// device's factory hands that one out first. Errors: those of `make`.
[[nodiscard]] Result<Device> begin_with(BackendFactory make);

/// Makes the first backend of `options.device` and a factory for more of its kind, which share
/// the weights. `max_model_len` tokens is the longest sequence. Errors: `invalid_value` for options
/// that the device cannot take, what the device says.
[[nodiscard]] Result<Device> make_device(const AssemblyOptions& options,
                                         std::shared_ptr<const Model> model,
                                         std::int32_t max_model_len);

}  // namespace troupe::cli
