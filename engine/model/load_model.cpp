#include "engine/model/checkpoint.h"
#include "engine/model/model_config.h"
#include "engine/model/tensor_table.h"
#include "engine/model/weights.h"

#include <utility>

namespace troupe {

Result<std::shared_ptr<const Model>> load_model(const std::filesystem::path& directory) {
  auto config = read_model_config(directory);
  if (!config) {
    return pass(std::move(config));
  }
  auto checkpoint = open_checkpoint(directory);
  if (!checkpoint) {
    return pass(std::move(checkpoint));
  }
  auto model = place_tensors(*config, *std::move(checkpoint));
  if (!model) {
    return pass(std::move(model));
  }
  return std::make_shared<const Model>(*std::move(model));
}

}  // namespace troupe
