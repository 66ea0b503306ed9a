#include "cli/address.h"

#include <charconv>

namespace troupe::cli {

Result<Address> parse_address(std::string_view text, const Address& standard) {
  const auto wrong = [&] {
    return fail(ErrorCode::invalid_value,
                std::string(text) + " is no address such as 127.0.0.1:8001");
  };
  Address address = standard;
  auto rest = text;
  if (rest.starts_with("[")) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) {
      return wrong();
    }
    address.host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
  } else {
    const auto host = rest.substr(0, rest.find(':'));
    if (!host.empty()) {
      address.host = host;
    }
    rest.remove_prefix(host.size());
  }
  if (rest.empty()) {
    return text.empty() ? Result<Address>(wrong()) : Result<Address>(std::move(address));
  }
  const auto port = rest.substr(1);
  const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (!rest.starts_with(":") || port.empty() || problem != std::errc() ||
      end != port.data() + port.size()) {
    return wrong();
  }
  return address;
}

}  // namespace troupe::cli
