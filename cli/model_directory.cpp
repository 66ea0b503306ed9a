#include "cli/model_directory.h"

#include <system_error>
#include <vector>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> shipped_models() {
  std::vector<fs::path> places;
  std::error_code problem;
  const auto program = fs::read_symlink("/proc/self/exe", problem);
  if (!problem) {
    places.push_back(program.parent_path().parent_path() / "share/troupe/models");
    // build/<preset>/bin/troupe in a clone that was moved after it was built.
    places.push_back(program.parent_path().parent_path().parent_path().parent_path() / "models");
  }
  places.emplace_back(fs::path(TROUPE_SOURCE_DIR) / "models");
  return places;
}

bool names_directory(const fs::path& path) {
  std::error_code problem;
  return fs::is_directory(path, problem);
}

Result<fs::path> checked(fs::path directory) {
  std::error_code problem;
  if (!fs::exists(directory / "config.json", problem)) {
    return fail(ErrorCode::invalid_model,
                directory.string() +
                    " has no config.json; a model directory holds config.json, "
                    "tokenizer.json and *.safetensors");
  }
  return directory;
}

}  // namespace

Result<fs::path> find_model(const std::string& model) {
  if (names_directory(model)) {
    return checked(model);
  }
  std::error_code problem;
  if (fs::exists(model, problem)) {
    return fail(ErrorCode::invalid_model,
                model + " is a file; give the directory that holds config.json");
  }
  std::string places;
  // A word without a slash may be the name of a shipped model; a path says where to look itself.
  if (model.find('/') == std::string::npos) {
    for (const auto& place : shipped_models()) {
      if (names_directory(place / model)) {
        return checked((place / model).lexically_normal());
      }
      places += ", nor in " + place.lexically_normal().string();
    }
  }
  return fail(ErrorCode::not_found, "there is no model directory " + model + places);
}

Result<fs::path> find_calibration(const std::string& name) {
  std::error_code problem;
  if (fs::is_regular_file(name, problem)) {
    return fs::path(name);
  }
  std::string places;
  for (const auto& place : shipped_models()) {
    auto file = (place / "calibration" / (name + ".json")).lexically_normal();
    if (fs::is_regular_file(file, problem)) {
      return file;
    }
    places += ", nor is there " + file.string();
  }
  return fail(ErrorCode::not_found, "there is no calibration file " + name + places);
}

}  // namespace troupe::cli
