// The fields of one JSON object of a checkpoint, each read with its range. Null counts as absent,
// as Hugging Face writes it.
#pragma once

#include "engine/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Reads `path`, which must be a JSON object of at most `max_bytes` nested at most 16 deep. Errors:
/// `not_found`, `io`, `invalid_model` with the file's name.
[[nodiscard]] Result<nlohmann::json> read_json_object(const std::filesystem::path& path,
                                                      std::size_t max_bytes);

/// The same of bytes that are there already; `name` stands for the file in messages.
[[nodiscard]] Result<nlohmann::json> parse_json_object(std::string_view text,
                                                       const std::string& name);

/// Borrows the object. Every error is `invalid_model` and names file, field, range and value.
class ConfigFields {
 public:
  ConfigFields(const nlohmann::json& object, std::string name)
      : object_(&object), name_(std::move(name)) {}

  /// The fields of the object that stands at `key`, or none.
  [[nodiscard]] Result<std::optional<ConfigFields>> object(const char* key) const;

  [[nodiscard]] Result<std::optional<std::int64_t>> optional_integer(const char* key,
                                                                     std::int64_t low,
                                                                     std::int64_t high) const;
  /// Refuses an absent field.
  [[nodiscard]] Result<std::int32_t> integer(const char* key,
                                             std::int32_t low,
                                             std::int32_t high) const;
  [[nodiscard]] Result<std::optional<double>> optional_number(const char* key,
                                                              double low,
                                                              double high) const;
  [[nodiscard]] Result<double> number(const char* key, double low, double high) const;
  [[nodiscard]] Result<std::optional<bool>> boolean(const char* key) const;
  [[nodiscard]] Result<std::optional<std::string>> text(const char* key) const;
  /// Texts at `key`; empty when absent.
  [[nodiscard]] Result<std::vector<std::string>> texts(const char* key) const;
  /// One integer or a list of them; empty when absent.
  [[nodiscard]] Result<std::vector<std::int32_t>> integers(const char* key,
                                                           std::int32_t low,
                                                           std::int32_t high) const;

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  [[nodiscard]] const nlohmann::json* find(const char* key) const;
  [[nodiscard]] tl::unexpected<Error> missing(const char* key) const;
  [[nodiscard]] tl::unexpected<Error> wrong(const char* key,
                                            const std::string& expected,
                                            const nlohmann::json& found) const;

  const nlohmann::json* object_;
  std::string name_;
};

}  // namespace troupe
