// The safetensors format: 8 bytes of little-endian header length, a JSON header, tensor data. A
// pure function of bytes that believes nothing it has not checked. Specification:
// https://huggingface.co/docs/safetensors
#pragma once

#include "engine/base/result.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// What a file may store; more than a model may compute with.
enum class StoredDType : std::uint8_t {
  boolean,
  uint8,
  int8,
  float8_e4m3,
  float8_e5m2,
  uint16,
  int16,
  float16,
  bfloat16,
  uint32,
  int32,
  float32,
  uint64,
  int64,
  float64,
};

/// The name in the file, e.g. "BF16".
[[nodiscard]] std::string_view to_string(StoredDType dtype);
[[nodiscard]] std::size_t size_bytes(StoredDType dtype);

/// One tensor of a file, row-major; `data` points into the bytes that were parsed, aligned to its
/// elements.
struct StoredTensor {
  StoredDType dtype = StoredDType::bfloat16;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> data;
  std::string file;  // for messages
};

using TensorMap = std::map<std::string, StoredTensor, std::less<>>;

inline constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
inline constexpr std::size_t kMaxTensorsPerFile = 1 << 18;
inline constexpr std::size_t kMaxTensorRank = 8;
inline constexpr std::size_t kMaxTensorNameBytes = 256;

/// The tensors of the file `name` whose whole content is `bytes`. Checked one by one: the header
/// lies in the file and is what it should be; names are unique; shape and dtype make up the size;
/// data lies in the file, end to end, without gap or overlap. Error `invalid_model` with file,
/// tensor and numbers. Costs memory for the header's entries alone.
[[nodiscard]] Result<TensorMap> parse_safetensors(std::span<const std::byte> bytes,
                                                  const std::string& name);

}  // namespace troupe
