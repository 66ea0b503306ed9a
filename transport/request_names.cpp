#include "transport/request_names.h"

#include "transport/sha256.h"

#include <algorithm>

namespace troupe::transport {

std::string NameMaker::next() {
  constexpr std::size_t kNameBytes = 16;
  return sha256_hex(std::to_string(seed_) + ' ' + std::to_string(counter_++), kNameBytes);
}

bool is_acceptable_name(std::string_view name, std::size_t max_bytes) {
  return !name.empty() && name.size() <= max_bytes && std::ranges::all_of(name, [](char character) {
    return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'z') ||
           (character >= 'A' && character <= 'Z') || character == '-' || character == '_' ||
           character == '.' || character == ':';
  });
}

}  // namespace troupe::transport
