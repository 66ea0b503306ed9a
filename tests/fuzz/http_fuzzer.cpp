// Any bytes, in one piece or in two, are requests or a refusal; both ways come to the same.
#include "transport/http_parser.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using troupe::transport::HttpParser;

// Feeds `bytes` until nothing more is taken; says how far it came.
std::size_t feed(HttpParser& parser, std::string_view bytes) {
  std::size_t taken = 0;
  while (parser.state() != HttpParser::State::done &&
         parser.state() != HttpParser::State::refused) {
    const auto step = parser.put(bytes.substr(taken));
    if (step == 0) {
      break;
    }
    taken += step;
  }
  return taken;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const troupe::transport::Limits limits;
  HttpParser whole(limits);
  feed(whole, bytes);
  HttpParser halves(limits);
  const auto cut = bytes.size() * data[0] / 256;
  const auto taken = feed(halves, bytes.substr(0, cut));
  feed(halves, bytes.substr(taken));
  if (whole.state() != halves.state()) {
    std::abort();
  }
  return 0;
}
