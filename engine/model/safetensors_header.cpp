#include "engine/model/safetensors_header.h"

#include "engine/model/safetensors.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <utility>

namespace troupe {
namespace {

// The header is {"name": {"dtype": text, "shape": [n, …], "data_offsets": [n, n]}, …} and may have
// "__metadata__": {text: text, …}. Each event of the parser is checked against the place it
// comes at.
class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<HeaderEntry> entries;
  std::string problem;

  bool null() override { return refuse("null"); }

  bool boolean(bool /*value*/) override { return refuse("a boolean"); }

  bool number_integer(number_integer_t value) override {
    return refuse("the negative number " + std::to_string(value));
  }

  bool number_float(number_float_t /*value*/, const string_t& text) override {
    return refuse("the number " + text.substr(0, kMaxShown));
  }

  bool binary(binary_t& /*value*/) override { return refuse("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::in_list) {
      return refuse("the number " + std::to_string(value));
    }
    if (list_.size() == kMaxTensorRank) {
      return refuse("more than " + std::to_string(kMaxTensorRank) + " numbers");
    }
    list_.push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::in_metadata) {
      return true;
    }
    if (place_ != Place::in_entry || field_ != "dtype") {
      return refuse("a string");
    }
    entries.back().dtype = value.substr(0, kMaxShown);
    has_dtype_ = true;
    return true;
  }

  bool start_object(std::size_t /*size*/) override {
    if (place_ == Place::outside) {
      place_ = Place::at_top;
      return true;
    }
    if (place_ != Place::at_top) {
      return refuse("an object");
    }
    if (field_ == "__metadata__") {
      place_ = Place::in_metadata;
      return true;
    }
    place_ = Place::in_entry;
    entries.push_back({.name = field_, .dtype = {}, .shape = {}, .begin = 0, .end = 0});
    has_dtype_ = has_shape_ = has_offsets_ = false;
    return true;
  }

  bool key(string_t& value) override {
    if (place_ == Place::at_top && value.size() > kMaxTensorNameBytes) {
      return refuse("a name of " + std::to_string(value.size()) + " bytes");
    }
    if (place_ == Place::at_top && entries.size() == kMaxTensorsPerFile) {
      return refuse("more than " + std::to_string(kMaxTensorsPerFile) + " tensors");
    }
    if (place_ != Place::in_metadata) {
      field_ = std::move(value);
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::in_entry && !(has_dtype_ && has_shape_ && has_offsets_)) {
      return fail_with("tensor \"" + entries.back().name +
                       "\" must have dtype, shape and data_offsets");
    }
    place_ = place_ == Place::at_top ? Place::outside : Place::at_top;
    return true;
  }

  bool start_array(std::size_t /*size*/) override {
    if (place_ != Place::in_entry || (field_ != "shape" && field_ != "data_offsets")) {
      return refuse("a list");
    }
    place_ = Place::in_list;
    list_.clear();
    return true;
  }

  bool end_array() override {
    place_ = Place::in_entry;
    auto& entry = entries.back();
    if (field_ == "shape") {
      entry.shape = list_;
      has_shape_ = true;
      return true;
    }
    if (list_.size() != 2) {
      return fail_with("tensor \"" + entry.name + "\" must have two data_offsets, not " +
                       std::to_string(list_.size()));
    }
    entry.begin = list_[0];
    entry.end = list_[1];
    has_offsets_ = true;
    return true;
  }

  bool parse_error(std::size_t position,
                   const std::string& /*token*/,
                   const nlohmann::json::exception& /*error*/) override {
    return fail_with("the header is not valid JSON at its byte " + std::to_string(position));
  }

 private:
  enum class Place : std::uint8_t { outside, at_top, in_metadata, in_entry, in_list };

  static constexpr std::size_t kMaxShown = 40;

  bool fail_with(std::string message) {
    problem = std::move(message);
    return false;
  }

  bool refuse(const std::string& found) {
    const auto where = entries.empty() || place_ == Place::outside || place_ == Place::at_top
                           ? std::string("the header")
                           : "tensor \"" + entries.back().name + "\"";
    const auto field =
        field_.empty() ? std::string() : " at \"" + field_.substr(0, kMaxShown) + "\"";
    return fail_with(where + " has " + found + field + ", which cannot be there");
  }

  Place place_ = Place::outside;
  std::string field_;  // the key seen last
  std::vector<std::uint64_t> list_;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  bool has_offsets_ = false;
};

}  // namespace

Result<std::vector<HeaderEntry>> parse_safetensors_header(std::string_view text) {
  HeaderReader reader;
  if (!nlohmann::json::sax_parse(text, &reader)) {
    return fail(ErrorCode::invalid_model, std::move(reader.problem));
  }
  return std::move(reader.entries);
}

}  // namespace troupe
