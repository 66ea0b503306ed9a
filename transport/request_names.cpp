#include "transport/request_names.h"

#include "engine/base/random.h"

#include <algorithm>
#include <utility>

namespace troupe::transport {
namespace {

void append_hex(std::string& out, std::uint64_t bits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) {
    out += kDigits[(bits >> static_cast<unsigned>(shift)) & 0xFU];
  }
}

}  // namespace

std::string NameMaker::next() {
  std::string name;
  append_hex(name, random_bits(seed_, counter_++));
  append_hex(name, random_bits(seed_, counter_++));
  return name;
}

bool RequestNames::add(std::string name, std::vector<RequestId> requests) {
  return live_.emplace(std::move(name), std::move(requests)).second;
}

void RequestNames::remove(std::string_view name) {
  const auto found = live_.find(name);
  if (found != live_.end()) {
    live_.erase(found);
  }
}

const std::vector<RequestId>* RequestNames::find(std::string_view name) const {
  const auto found = live_.find(name);
  return found == live_.end() ? nullptr : &found->second;
}

bool is_acceptable_name(std::string_view name, std::size_t max_bytes) {
  return !name.empty() && name.size() <= max_bytes && std::ranges::all_of(name, [](char character) {
    return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'z') ||
           (character >= 'A' && character <= 'Z') || character == '-' || character == '_' ||
           character == '.' || character == ':';
  });
}

}  // namespace troupe::transport
