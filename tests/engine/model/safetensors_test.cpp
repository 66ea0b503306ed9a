#include "engine/model/safetensors.h"

#include "tests/engine/model/tiny_checkpoint.h"

#include <doctest/doctest.h>

#include <random>

namespace troupe {
namespace {

Result<TensorMap> parse(const std::string& bytes) {
  return parse_safetensors(std::as_bytes(std::span(bytes)), "x.safetensors");
}

// The message of a header that must be refused; `data` bytes follow it.
std::string refusal(std::string header, std::size_t data_bytes = 16) {
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const auto parsed = parse(safetensors_file(header, std::string(data_bytes, 'x')));
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().code == ErrorCode::invalid_model);
  CHECK(parsed.error().message.starts_with("x.safetensors: "));
  CHECK(parsed.error().message.size() < 300);
  CHECK(parsed.error().message.find('\n') == std::string::npos);
  return parsed.error().message;
}

bool contains(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

TEST_CASE("a file's tensors are found under their names, where they lie") {
  std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},)"
      R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const auto bytes = safetensors_file(header, "bbbbbbbbaaaaaaaa");

  const auto tensors = parse(bytes);

  REQUIRE(tensors.has_value());
  REQUIRE(tensors->size() == 2);
  const auto& a = tensors->at("a");
  CHECK(a.dtype == StoredDType::float32);
  CHECK(a.shape == std::vector<std::int64_t>{1, 2});
  CHECK(a.data.size() == 8);
  CHECK(std::to_integer<char>(a.data[0]) == 'a');
  CHECK(a.file == "x.safetensors");
  CHECK(tensors->at("b").dtype == StoredDType::bfloat16);
}

TEST_CASE("a scalar, an empty tensor and an empty header are files as well") {
  CHECK(parse(safetensors_file(R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})", "x")));
  CHECK(parse(safetensors_file(R"({"a":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]}})", "")));
  CHECK(parse(safetensors_file("{}", "")));
}

TEST_CASE("a file that is cut off anywhere is refused") {
  const auto whole = safetensors_file(tiny_llama());
  REQUIRE(parse(whole).has_value());
  for (std::size_t size = 0; size < whole.size(); size += size < 16 ? 1 : 97) {
    CAPTURE(size);
    CHECK_FALSE(parse(whole.substr(0, size)).has_value());
  }
  CHECK_FALSE(parse(whole + "x").has_value());
}

TEST_CASE("a header longer than the file is refused, up to the longest that 64 bits can say") {
  for (const auto& length : {std::string("\x11\0\0\0\0\0\0\0", 8),
                             std::string("\0\0\0\0\0\0\0\x80", 8), std::string(8, '\xff')}) {
    const auto parsed = parse(length + "{}              ");
    REQUIRE_FALSE(parsed.has_value());
    CHECK(contains(parsed.error().message, "declares a header of"));
  }
}

TEST_CASE("a header that is not the JSON it should be is refused at the first strange thing") {
  CHECK(contains(refusal("not json"), "not valid JSON"));
  CHECK(contains(refusal(""), "not valid JSON"));
  CHECK(contains(refusal(R"({"a":)"), "not valid JSON"));
  CHECK(contains(refusal(R"([])"), "a list"));
  CHECK(contains(refusal(R"(7)"), "the number 7"));
  CHECK(contains(refusal(R"("text")"), "a string"));
  CHECK(contains(refusal(R"({"a":null})"), "null at \"a\""));
  CHECK(contains(refusal(R"({"a":[1]})"), "a list at \"a\""));
  CHECK(contains(refusal(R"({"__metadata__":{"a":{}}})"), "an object"));
  CHECK(contains(refusal(R"({"a":{"dtype":{}}})"), "an object"));
  CHECK(contains(refusal(R"({"a":{"dtype":"F32","shape":[1]}})"), "data_offsets"));
  CHECK(contains(refusal(R"({"a":{"dtype":7}})"), "the number 7"));
  CHECK(contains(refusal(R"({"a":{"other":[1]}})"), "a list at \"other\""));
  CHECK(contains(refusal(R"({"a":{"shape":[-1]}})"), "negative number -1"));
  CHECK(contains(refusal(R"({"a":{"shape":[1.5]}})"), "the number 1.5"));
  CHECK(contains(refusal(R"({"a":{"shape":[1e999]}})"), "not valid JSON"));
  CHECK(contains(refusal(R"({"a":{"shape":[[1]]}})"), "a list"));
  CHECK(contains(refusal(R"({"a":{"shape":[1,1,1,1,1,1,1,1,1]}})"), "more than 8 numbers"));
  CHECK(contains(refusal(R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,8,16]}})"),
                 "two data_offsets, not 3"));
  CHECK(contains(refusal("{\"" + std::string(300, 'n') + "\":{}}"), "a name of 300 bytes"));
}

TEST_CASE("a deeply nested header is refused before it costs anything") {
  CHECK(contains(refusal(std::string(200000, '[')), "a list"));
  CHECK(contains(refusal("{\"a\":{\"shape\":" + std::string(200000, '[')), "a list"));
}

std::string one_tensor(const std::string& dtype,
                       const std::string& shape,
                       const std::string& offsets) {
  return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

TEST_CASE("offsets, shape and dtype must agree with each other and with the file") {
  CHECK(contains(refusal(one_tensor("F32", "[4]", "[16,0]")), "[16, 0)"));
  CHECK(contains(refusal(one_tensor("F32", "[8]", "[0,32]")), "the file has 16 bytes of data"));
  CHECK(contains(refusal(one_tensor("F32", "[4]", "[0,18446744073709551615]")), "the file has 16"));
  CHECK(contains(refusal(one_tensor("F32", "[3]", "[0,16]")),
                 "16 bytes, its shape and dtype make 12"));
  CHECK(contains(refusal(one_tensor("F32", "[4294967296,4294967296]", "[0,16]")), "2^63"));
  CHECK(contains(refusal(one_tensor("F32", "[18446744073709551615]", "[0,16]")), "2^63"));
  CHECK(contains(refusal(one_tensor("F31", "[4]", "[0,16]")), "unknown dtype \"F31\""));
  CHECK(contains(refusal(one_tensor("F32", "[2]", "[8,16]")), "leaving a gap"));
  CHECK(contains(refusal(one_tensor("F32", "[2]", "[0,8]")), "end at byte 8 of 16"));
}

TEST_CASE("tensors that overlap, or share a name, are refused") {
  CHECK(contains(refusal(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},)"
                         R"("b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})"),
                 "overlapping"));
  CHECK(contains(refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                         R"("a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})"),
                 "\"a\" is there twice"));
}

TEST_CASE("a tensor that does not lie at a multiple of its elements is refused, not misread") {
  const auto parsed =
      parse(safetensors_file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} )", "1234"));
  REQUIRE_FALSE(parsed.has_value());
  CHECK(contains(parsed.error().message, "multiple of its 4-byte elements"));
}

TEST_CASE("whatever bytes are changed, a file is refused or every tensor lies within it") {
  const auto whole = safetensors_file(tiny_llama());
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    auto bytes = whole;
    for (auto changes = 1 + random() % 4; changes > 0; --changes) {
      // Half of the changes hit the first bytes, where the lengths and the first names are.
      const auto place = random() % (random() % 2 == 0 ? 64 : 2200);
      bytes[place] = static_cast<char>(random());
    }
    const auto tensors = parse(bytes);
    if (!tensors) {
      CHECK_FALSE(tensors.error().message.empty());
      continue;
    }
    for (const auto& [name, tensor] : *tensors) {
      REQUIRE(reinterpret_cast<const char*>(tensor.data.data()) >= bytes.data());
      REQUIRE(reinterpret_cast<const char*>(tensor.data.data() + tensor.data.size()) <=
              bytes.data() + bytes.size());
    }
  }
}

}  // namespace
}  // namespace troupe
