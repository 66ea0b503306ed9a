#include "engine/simulation/calibration.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

namespace troupe::simulation {
namespace {

std::string json_of(const std::string& rows) {
  return R"({"device": "d", "model": "m", "weight_bytes": 100, "kv_bytes_per_token": 2,
             "read_bytes_per_s": 1000, "matmul_flops_per_s": 5000, "flops_per_token": 50,
             "rows": [)" +
         rows + "]}";
}

// Decodes cost 0.01 s and 1 ms for each token of context; prompts 0.02 s + 10 ms a token + 2 us a
// pair; both together 0.1 s more.
const char* const kRows = R"(
  {"phase": "decode", "batch": 1, "context": 10, "tokens": 1, "seconds": 0.02},
  {"phase": "decode", "batch": 1, "context": 20, "tokens": 1, "seconds": 0.03},
  {"phase": "decode", "batch": 1, "context": 30, "tokens": 1, "seconds": 0.04},
  {"phase": "prefill", "batch": 0, "context": 0, "tokens": 100, "seconds": 1.01},
  {"phase": "prefill", "batch": 0, "context": 0, "tokens": 200, "seconds": 2.04},
  {"phase": "mixed", "batch": 1, "context": 10, "tokens": 101, "seconds": 1.13})";

}  // namespace

TEST_CASE("a fit gives back the law that its rows were made from") {
  const auto calibration = parse_calibration(json_of(kRows), "c.json");
  REQUIRE(calibration);

  const auto cost = fit(*calibration);

  CHECK(cost.seconds_per_pair == doctest::Approx(2e-6));
  CHECK(cost.seconds_per_context.at(1) == doctest::Approx(0.001));
  CHECK(cost.dense.at(1) == doctest::Approx(0.01));
  CHECK(cost.dense.at(100) == doctest::Approx(1.0));
  CHECK(cost.dense.at(300) == doctest::Approx(3.0));
  CHECK(cost.mixed_seconds == doctest::Approx(0.1));
  for (const auto& residual : residuals(*calibration, cost)) {
    CHECK(residual.share() == doctest::Approx(0.0));
  }
}

TEST_CASE(
    "the shipped calibrations are met within a tenth, and within 4 % where decodes run alone") {
  for (const auto* name : {"h200-llama-7b.json", "h200-llama-3-8b.json"}) {
    CAPTURE(name);
    const auto calibration =
        load_calibration(std::string(TROUPE_SOURCE_DIR) + "/models/calibration/" + name);
    REQUIRE(calibration);
    for (const auto& residual : residuals(*calibration, fit(*calibration))) {
      CAPTURE(residual.measured.batch);
      CAPTURE(residual.measured.context);
      CAPTURE(residual.measured.tokens);
      const auto bound = residual.measured.regime == Regime::decode ? 0.04 : 0.1;
      CHECK(std::abs(residual.share()) < bound);
    }
  }
}

TEST_CASE("no step is faster than its memory and its arithmetic allow") {
  const auto calibration = parse_calibration(json_of(kRows), "c.json");
  REQUIRE(calibration);
  StepShape decode;
  decode.num_decodes = 1;
  decode.num_decode_context = 100;

  CHECK(least_seconds(*calibration, decode) == doctest::Approx(0.3));
  CHECK(least_seconds(*calibration, whole_prompts(1, 100)) == doctest::Approx(1.0));
}

TEST_CASE("a calibration that nothing can be fitted to is refused with its name and place") {
  const auto refusal = [](const std::string& json) {
    const auto parsed = parse_calibration(json, "c.json");
    return parsed ? std::string() : parsed.error().message;
  };

  CHECK(refusal("{").find("c.json") != std::string::npos);
  CHECK(refusal("{}").find("weight_bytes") != std::string::npos);
  CHECK(refusal(json_of("")).find("two contexts") != std::string::npos);
  CHECK(refusal(json_of("7")).find("row 1") != std::string::npos);
  const std::string rows = kRows;
  CHECK(refusal(json_of(rows + R"(, {"phase": "dance", "batch": 1})")).find("row 7") !=
        std::string::npos);
  CHECK(refusal(json_of(rows + R"(, {"phase": "decode", "batch": 1, "context": 1, "tokens": 1,
                                      "seconds": 0})"))
            .find("seconds") != std::string::npos);
  const auto missing = load_calibration("/nowhere/c.json");
  REQUIRE(!missing);
  CHECK(missing.error().code == ErrorCode::not_found);
}

}  // namespace troupe::simulation
