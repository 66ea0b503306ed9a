// Where models are: by path, or by the name of one that came with Troupe.
#pragma once

#include "engine/base/result.h"

#include <filesystem>
#include <string>

namespace troupe::cli {

/// The name of the model that comes with Troupe.
inline constexpr const char* kDemoModel = "demo";

/// A directory that `model` names: as a path, or as one of the shipped models, which are looked for
/// beside the program (`../share/troupe/models`, and the source tree of a build) and where the
/// program was built. Errors: `not_found` with the places that were looked at; `invalid_model` for
/// a file, or a directory without a config.json.
[[nodiscard]] Result<std::filesystem::path> find_model(const std::string& model);

/// The name of the device and model that simulations have when nobody says another.
inline constexpr const char* kDefaultCalibration = "h200-llama-7b";

/// A file of measured step times that `name` names: as a path, or as one of the shipped ones, which
/// are looked for where the shipped models are. Error `not_found` with those places.
[[nodiscard]] Result<std::filesystem::path> find_calibration(const std::string& name);

}  // namespace troupe::cli
