#include "tests/kernels/decoder/scripted_operations.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

PackedBatch batch_of(std::vector<std::int32_t> sampling_rows) {
  PackedBatch batch;
  batch.tokens = {4, 5};
  batch.sampling_rows = std::move(sampling_rows);
  return batch;
}

TEST_CASE("the forward pass calls each operation of each layer once, in the order of a decoder") {
  ScriptedOperations operations(8, [](TokenId, std::span<float>) {});

  REQUIRE(forward(operations, batch_of({1}), 2).has_value());

  CHECK(operations.calls ==
        std::vector<std::string>{"begin", "embed",                                        //
                                 "attention norm 0", "qkv 0", "attention 0", "output 0",  //
                                 "mlp norm 0", "gate up 0", "down 0",                     //
                                 "attention norm 1", "qkv 1", "attention 1", "output 1",  //
                                 "mlp norm 1", "gate up 1", "down 1",                     //
                                 "logits"});
}

TEST_CASE("a step in which no row samples computes no logits") {
  ScriptedOperations operations(8, [](TokenId, std::span<float>) {});

  REQUIRE(forward(operations, batch_of({}), 1).has_value());

  CHECK(operations.calls.back() == "down 0");
}

TEST_CASE("the forward pass ends at the first operation that fails, and says which") {
  for (const auto* failing : {"begin", "embed", "attention 1", "down 1", "logits"}) {
    CAPTURE(failing);
    ScriptedOperations operations(8, [](TokenId, std::span<float>) {});
    operations.failing = failing;

    const auto done = forward(operations, batch_of({0}), 2);

    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().message == std::string(failing) + " failed");
    CHECK(operations.calls.back() == failing);
  }
}

}  // namespace
}  // namespace troupe
