#include "engine/model/checkpoint.h"

#include "tests/engine/model/tiny_checkpoint.h"

#include <doctest/doctest.h>

namespace troupe {
namespace {

constexpr const char* kIndex = "model.safetensors.index.json";

const TinyTensors kFirst{{"a", {.shape = {2}}}};
const TinyTensors kSecond{{"b", {.shape = {3}}}};

Error refused(const TemporaryDirectory& directory) {
  const auto checkpoint = open_checkpoint(directory.path());
  REQUIRE_FALSE(checkpoint.has_value());
  CHECK(checkpoint.error().message.find('\n') == std::string::npos);
  return checkpoint.error();
}

bool says(const Error& error, const std::string& part) {
  CAPTURE(error.message);
  CHECK(error.message.find(part) != std::string::npos);
  return error.message.find(part) != std::string::npos;
}

TEST_CASE("one file is a checkpoint") {
  TemporaryDirectory directory;
  directory.write("model.safetensors", safetensors_file(kFirst));

  const auto checkpoint = open_checkpoint(directory.path());

  REQUIRE(checkpoint.has_value());
  CHECK(checkpoint->tensors.count("a") == 1);
}

TEST_CASE("shards are one checkpoint, each tensor from its file") {
  TemporaryDirectory directory;
  directory.write("one.safetensors", safetensors_file(kFirst));
  directory.write("two.safetensors", safetensors_file(kSecond));
  directory.write(kIndex, R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");

  const auto checkpoint = open_checkpoint(directory.path());

  REQUIRE(checkpoint.has_value());
  CHECK(checkpoint->tensors.at("a").file == "one.safetensors");
  CHECK(checkpoint->tensors.at("b").file == "two.safetensors");
  CHECK(std::to_integer<int>(checkpoint->tensors.at("b").data[5]) == 0x3c);
}

TEST_CASE("a directory without weights, or none at all, is said to have none") {
  TemporaryDirectory directory;

  const auto error = refused(directory);
  const auto nowhere = open_checkpoint(directory.path() / "nowhere");

  CHECK(error.code == ErrorCode::not_found);
  CHECK(says(error, "neither model.safetensors nor model.safetensors.index.json"));
  REQUIRE_FALSE(nowhere.has_value());
  CHECK(nowhere.error().code == ErrorCode::not_found);
}

TEST_CASE("a directory in a file's place is no file") {
  TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() / "model.safetensors");

  CHECK(refused(directory).code == ErrorCode::io);
}

TEST_CASE("an empty file is too short to be a safetensors file") {
  TemporaryDirectory directory;
  directory.write("model.safetensors", "");

  CHECK(says(refused(directory), "model.safetensors: has 0 bytes"));
}

TEST_CASE("an index names files beside it, and nothing else") {
  for (const std::string shard : {"../one.safetensors", "/etc/passwd", "a/b.safetensors",
                                  "a\\\\b.safetensors", "one.bin", "one.safetensors\\u0000", ""}) {
    CAPTURE(shard);
    TemporaryDirectory directory;
    directory.write(kIndex, R"({"weight_map": {"a": ")" + shard + "\"}}");

    const auto error = refused(directory);

    CHECK(error.code == ErrorCode::invalid_model);
    CHECK(says(error, "the shard of tensor \"a\""));
  }
}

TEST_CASE("an index that is none is refused") {
  for (const std::string index : {"", "[]", "{}", R"({"weight_map": 7})", R"({"weight_map": {}})",
                                  R"({"weight_map": {"a": 7}})"}) {
    CAPTURE(index);
    TemporaryDirectory directory;
    directory.write(kIndex, index);

    CHECK(refused(directory).code == ErrorCode::invalid_model);
  }
}

TEST_CASE("a shard that is not there is missed by name") {
  TemporaryDirectory directory;
  directory.write(kIndex, R"({"weight_map": {"a": "one.safetensors"}})");

  const auto error = refused(directory);

  CHECK(error.code == ErrorCode::not_found);
  CHECK(says(error, "one.safetensors"));
}

TEST_CASE("a tensor that its shard does not have, or two shards have, is refused") {
  TemporaryDirectory missing;
  missing.write("one.safetensors", safetensors_file(kFirst));
  missing.write(kIndex, R"({"weight_map": {"a": "one.safetensors", "z": "one.safetensors"}})");
  TemporaryDirectory twice;
  twice.write("one.safetensors", safetensors_file(kFirst));
  twice.write("two.safetensors", safetensors_file(kFirst));
  twice.write(kIndex, R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");

  CHECK(says(refused(missing), "one.safetensors: tensor \"z\" is missing"));
  CHECK(says(refused(twice), "two.safetensors: tensor \"a\" is in one.safetensors as well"));
}

}  // namespace
}  // namespace troupe
