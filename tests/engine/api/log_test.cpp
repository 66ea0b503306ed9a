// What a log line may look like, whatever text comes in from outside.
#include "engine/base/log.h"

#include <doctest/doctest.h>

namespace troupe {

TEST_CASE("text from outside can never forge a log line") {
  const log::Field field("why", "a\nev=forged \"x\" \x1b[31m");

  CHECK(field.value() == "\"a\\nev=forged \\\"x\\\" ?[31m\"");
}

TEST_CASE("a plain word stands in a log line without quotes, an empty one with them") {
  CHECK(log::Field("a", "word").value() == "word");
  CHECK(log::Field("a", "").value() == "\"\"");
  CHECK(log::Field("a", "two words").value() == "\"two words\"");
  CHECK(log::Field("a", true).value() == "true");
  CHECK(log::Field("a", 42).value() == "42");
}

}  // namespace troupe
