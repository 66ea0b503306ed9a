// Any journal is replayed to its end, or to the first thing in it that cannot be.
#include "tests/fuzz/journal_input.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(
      troupe::test::play(std::string_view(reinterpret_cast<const char*>(data), size)));
  return 0;
}
