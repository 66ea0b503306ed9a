// The plan of the house, enforced.
#include "tests/architecture/layers.h"

#include "tests/architecture/source_tree.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

namespace troupe::architecture {
namespace {

template <class Rule>
void check_all(Rule rule) {
  REQUIRE(all_sources().size() > 50);
  for (const auto& file : all_sources()) {
    for (const auto& violation : rule(file)) {
      FAIL_CHECK(violation);
    }
  }
}

TEST_CASE("no file includes what its room may not know") {
  check_all(forbidden_includes);
}

TEST_CASE("there is no lock in the engine or between the actors") {
  check_all(forbidden_locks);
}

TEST_CASE("actors know each other by role, never by header") {
  check_all(forbidden_acquaintances);
}

TEST_CASE("the towers, and memory and scheduling, are kept apart by the rules") {
  const auto num_violations = [](const char* path, const char* text) {
    return forbidden_includes(make_source(path, text)).size();
  };

  CHECK(num_violations("engine/memory/x.h", "#include \"engine/step/step.h\"\n") == 0);
  CHECK(num_violations("engine/memory/x.h", "#include \"engine/scheduling/scheduler.h\"\n") == 1);
  CHECK(num_violations("engine/scheduling/x.h", "#include \"engine/memory/block_pool.h\"\n") == 1);
  CHECK(num_violations("engine/gateway/x.cpp", "#include \"engine/step/step.h\"\n") == 1);
  CHECK(num_violations("engine/api/x.cpp", "  #include <caf/all.hpp>\n#include <vector>\n") == 1);
  CHECK(num_violations("engine/base/result.cpp", "#include <spdlog/spdlog.h>\n") == 1);
  CHECK(num_violations("transport/x.cpp", "#include \"actors/troupe.h\"\n#include <asio.hpp>\n") ==
        1);
  CHECK(num_violations("transport/x.cpp", "#include \"engine/step/step.h\"\n") == 1);
  CHECK(num_violations("actors/x.cpp", "#include <asio.hpp>\n#include <caf/fwd.hpp>\n") == 1);
  CHECK(num_violations("kernels/cpu/x.cpp", "#include \"kernels/reference/y.h\"\n") == 1);
  CHECK(num_violations("kernels/cpu/x.cpp", "#include <cuda_runtime.h>\n") == 1);
  CHECK(num_violations("cli/x.cpp", "#include <asio.hpp>\n#include \"actors/troupe.h\"\n") == 0);
}

TEST_CASE("a lock, or another actor's header, is found where it is forbidden") {
  CHECK(forbidden_locks(make_source("engine/step/x.h", "#include <mutex>\n")).size() == 1);
  CHECK(forbidden_locks(make_source("actors/x.cpp", "#include <atomic>\n")).size() == 1);
  CHECK(forbidden_locks(make_source("kernels/cpu/x.cpp", "#include <thread>\n")).empty());
  CHECK(forbidden_acquaintances(
            make_source("actors/text_actor.cpp", "#include \"actors/router_actor.h\"\n"))
            .size() == 1);
  CHECK(forbidden_acquaintances(
            make_source("actors/text_actor.cpp", "#include \"actors/text_actor.h\"\n"))
            .empty());
}

TEST_CASE("a header that pulls in a heavy library stays within its tower") {
  constexpr std::array<std::string_view, 5> kHeavy = {"asio", "boost/", "nlohmann/", "spdlog/",
                                                      "CLI/"};
  std::set<std::string> heavy_headers;
  for (const auto& file : all_sources()) {
    for (const auto& include : includes_of(file)) {
      if (is_header(file) && std::ranges::any_of(kHeavy, [&](std::string_view library) {
            return include.target.starts_with(library);
          })) {
        heavy_headers.insert(file.path);
      }
    }
  }

  for (const auto& file : all_sources()) {
    for (const auto& include : includes_of(file)) {
      INFO(file.path, ":", include.line, " includes ", include.target);
      const bool is_stranger =
          tower_of(file.path) != tower_of(include.target) && tower_of(file.path) != "tests";
      CHECK_FALSE((is_stranger && heavy_headers.contains(include.target)));
    }
  }
}

}  // namespace
}  // namespace troupe::architecture
