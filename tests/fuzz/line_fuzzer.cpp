// Any line is a command of the line protocol or a problem with it.
#include "transport/json_reader.h"
#include "transport/tlp_codec.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMaxIdBytes = 64;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (auto line = troupe::transport::read_json(bytes, {})) {
    static_cast<void>(troupe::transport::parse_command(*std::move(line), kMaxIdBytes).has_value());
  }
  return 0;
}
