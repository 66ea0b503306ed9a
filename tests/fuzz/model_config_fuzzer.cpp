// Any config.json is a model's numbers or an error.
#include "engine/model/model_config.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(troupe::parse_model_config(bytes, {}).has_value());
  return 0;
}
