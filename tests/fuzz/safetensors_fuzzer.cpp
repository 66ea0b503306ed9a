// Any file is a map of tensors that lie within it, or an error.
#include "engine/model/safetensors.h"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  static_cast<void>(troupe::parse_safetensors(bytes, "fuzzed").has_value());
  return 0;
}
