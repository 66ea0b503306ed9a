#include "engine/model/checkpoint.h"

#include "engine/model/config_fields.h"
#include "engine/model/mapped_file.h"

#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe {
namespace {

using Json = nlohmann::json;
using Files = std::vector<std::shared_ptr<const MappedFile>>;

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";
constexpr std::size_t kMaxIndexBytes = 1 << 24;  // the largest public index has 9 MB
constexpr std::size_t kMaxShards = 4096;

// Maps a file, parses it and adds its tensors to `checkpoint`.
Result<void> add_file(const std::filesystem::path& path, Checkpoint& checkpoint, Files& files) {
  auto file = MappedFile::open(path);
  if (!file) {
    return pass(std::move(file));
  }
  auto tensors = parse_safetensors((*file)->bytes(), path.filename().string());
  if (!tensors) {
    return pass(std::move(tensors));
  }
  files.push_back(*std::move(file));
  checkpoint.tensors.merge(*tensors);
  if (!tensors->empty()) {  // what was left behind has a name that is taken
    const auto& [name, tensor] = *tensors->begin();
    return fail(ErrorCode::invalid_model, tensor.file + ": tensor \"" + name + "\" is in " +
                                              checkpoint.tensors.find(name)->second.file +
                                              " as well");
  }
  return {};
}

// A shard lies beside its index, whatever the index says.
bool plain_file_name(const std::string& name) {
  return name.size() <= 255 && name.ends_with(".safetensors") &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

using WeightMap = std::map<std::string, std::string>;  // tensor to shard

Result<WeightMap> read_index(const std::filesystem::path& path) {
  auto index = read_json_object(path, kMaxIndexBytes);
  if (!index) {
    return pass(std::move(index));
  }
  const auto found = index->find("weight_map");
  if (found == index->end() || !found->is_object() || found->empty()) {
    return fail(ErrorCode::invalid_model,
                std::string(kIndexFile) + ": \"weight_map\" must be an object with entries");
  }
  WeightMap shards;
  for (const auto& [tensor, shard] : found->items()) {
    if (!shard.is_string() || !plain_file_name(shard.get_ref<const std::string&>())) {
      return fail(ErrorCode::invalid_model,
                  std::string(kIndexFile) + ": the shard of tensor \"" +
                      tensor.substr(0, kMaxTensorNameBytes) +
                      "\" must be the name of a .safetensors file in the same directory");
    }
    shards.emplace(tensor, shard.get<std::string>());
  }
  return shards;
}

Result<void> check_index(const WeightMap& shards, const TensorMap& tensors) {
  for (const auto& [name, shard] : shards) {
    const auto found = tensors.find(name);
    if (found == tensors.end() || found->second.file != shard) {
      return fail(ErrorCode::invalid_model,
                  shard + ": tensor \"" + name.substr(0, kMaxTensorNameBytes) + "\" is missing, " +
                      kIndexFile + " says it is there");
    }
  }
  return {};
}

Result<void> add_shards(const std::filesystem::path& directory,
                        Checkpoint& checkpoint,
                        Files& files) {
  auto shards = read_index(directory / kIndexFile);
  if (!shards) {
    return pass(std::move(shards));
  }
  std::set<std::string> names;
  for (const auto& [tensor, shard] : *shards) {
    names.insert(shard);
  }
  if (names.size() > kMaxShards) {
    return fail(ErrorCode::invalid_model, std::string(kIndexFile) + ": names " +
                                              std::to_string(names.size()) + " shards, at most " +
                                              std::to_string(kMaxShards) + " are read");
  }
  for (const auto& name : names) {
    if (auto added = add_file(directory / name, checkpoint, files); !added) {
      return added;
    }
  }
  return check_index(*shards, checkpoint.tensors);
}

bool absent(const Result<void>& added) {
  return !added && added.error().code == ErrorCode::not_found;
}

}  // namespace

Result<Checkpoint> open_checkpoint(const std::filesystem::path& directory) {
  Checkpoint checkpoint;
  auto files = std::make_shared<Files>();
  auto added = add_file(directory / kSingleFile, checkpoint, *files);
  std::error_code ignored;  // a path that cannot be looked at is as good as absent
  if (absent(added) && std::filesystem::exists(directory / kIndexFile, ignored)) {
    added = add_shards(directory, checkpoint, *files);
  } else if (absent(added)) {
    return fail(ErrorCode::not_found,
                directory.string() + ": has neither " + kSingleFile + " nor " + kIndexFile);
  }
  if (!added) {
    return pass(std::move(added));
  }
  checkpoint.files = std::move(files);
  return checkpoint;
}

}  // namespace troupe
