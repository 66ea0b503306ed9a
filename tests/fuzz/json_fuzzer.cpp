// Any bytes are a JSON value or an error.
#include "transport/json_reader.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(troupe::transport::read_json(bytes, {}).has_value());
  return 0;
}
