// Rotary position embedding from config.json: both spellings, four kinds of scaling. The formulas
// are those of transformers' modeling_rope_utils.
#pragma once

#include "engine/base/result.h"
#include "engine/model/config_fields.h"
#include "engine/model/model_spec.h"

#include <cstdint>

namespace troupe {

/// What config.json says of the rotation, besides its own tables.
struct RopeConfig {
  Rope rope;
  std::int32_t max_position = 0;  // tokens that the scaling was made for
};

/// Reads `rope_parameters`, or `rope_theta` and `rope_scaling`. `head_size` is even. Errors:
/// `invalid_model`; `unsupported` for a scaling whose frequencies change with the length, and for
/// rotations of a part of the head.
[[nodiscard]] Result<RopeConfig> read_rope(const ConfigFields& config,
                                           std::int32_t head_size,
                                           std::int32_t max_position);

}  // namespace troupe
