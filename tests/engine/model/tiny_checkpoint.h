// A checkpoint so small that a test can write it down, spoil it and load it.
#pragma once

#include "tests/support/temporary_directory.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace troupe {

struct TinyTensor {
  std::string dtype = "BF16";
  std::vector<std::int64_t> shape;
};

using TinyTensors = std::map<std::string, TinyTensor>;

/// Two layers, hidden size 8, two heads of size 4, one of them for keys and values, intermediate
/// size 12, vocabulary 16, head not tied.
[[nodiscard]] TinyTensors tiny_llama();

/// The config.json that fits, with `changes` (a JSON object) laid over it; null removes a field.
[[nodiscard]] std::string tiny_config(const std::string& changes = "{}");

/// 8 bytes of length, then `header`, then `data`.
[[nodiscard]] std::string safetensors_file(const std::string& header, const std::string& data);

/// The whole file of these tensors; every byte of data is 0x3c.
[[nodiscard]] std::string safetensors_file(const TinyTensors& tensors);

}  // namespace troupe
