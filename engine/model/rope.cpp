#include "engine/model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe {
namespace {

constexpr double kMaxTheta = 1e15;
constexpr double kMaxFactor = 1e6;
constexpr std::int32_t kMaxOriginalLength = 1 << 24;
constexpr auto kPi = std::numbers::pi;

// theta^(2i / d) for each pair i, in float32 as transformers computes it.
std::vector<float> pair_wavelengths(double theta, std::int32_t head_size) {
  std::vector<float> wavelengths;
  for (std::int32_t i = 0; i < head_size; i += 2) {
    const auto exponent = static_cast<float>(i) / static_cast<float>(head_size);
    wavelengths.push_back(std::pow(static_cast<float>(theta), exponent));
  }
  return wavelengths;
}

Rope plain_rope(double theta, std::int32_t head_size) {
  Rope rope;
  rope.rotary_dim = head_size;
  for (const auto wavelength : pair_wavelengths(theta, head_size)) {
    rope.inverse_frequency.push_back(1.0F / wavelength);
  }
  return rope;
}

Result<RopeConfig> scale_linear(const ConfigFields& scaling, RopeConfig config) {
  auto factor = scaling.number("factor", 1.0, kMaxFactor);
  if (!factor) {
    return pass(std::move(factor));
  }
  for (auto& frequency : config.rope.inverse_frequency) {
    frequency /= static_cast<float>(*factor);
  }
  return config;
}

struct Llama3Scaling {
  float factor = 1.0F;
  float low_factor = 1.0F;
  float high_factor = 4.0F;
  float original_length = 0.0F;
};

Result<Llama3Scaling> read_llama3(const ConfigFields& scaling) {
  auto factor = scaling.number("factor", 1.0, kMaxFactor);
  auto low = scaling.number("low_freq_factor", 1e-3, kMaxFactor);
  auto high = scaling.number("high_freq_factor", 1e-3, kMaxFactor);
  auto length = scaling.integer("original_max_position_embeddings", 1, kMaxOriginalLength);
  for (auto* value : {&factor, &low, &high}) {
    if (!*value) {
      return pass(std::move(*value));
    }
  }
  if (!length) {
    return pass(std::move(length));
  }
  if (*low >= *high) {
    return fail(ErrorCode::invalid_model,
                scaling.name() + ": \"low_freq_factor\" must be below \"high_freq_factor\"");
  }
  return Llama3Scaling{static_cast<float>(*factor), static_cast<float>(*low),
                       static_cast<float>(*high), static_cast<float>(*length)};
}

// Long waves are stretched, short ones kept, and those between them mixed.
float stretch(float frequency, const Llama3Scaling& scaling) {
  const auto wavelength = static_cast<float>(2.0 * kPi) / frequency;
  if (wavelength > scaling.original_length / scaling.low_factor) {
    return frequency / scaling.factor;
  }
  if (wavelength < scaling.original_length / scaling.high_factor) {
    return frequency;
  }
  const auto share = (scaling.original_length / wavelength - scaling.low_factor) /
                     (scaling.high_factor - scaling.low_factor);
  return (1.0F - share) * frequency / scaling.factor + share * frequency;
}

Result<RopeConfig> scale_llama3(const ConfigFields& fields, RopeConfig config) {
  auto scaling = read_llama3(fields);
  if (!scaling) {
    return pass(std::move(scaling));
  }
  for (auto& frequency : config.rope.inverse_frequency) {
    frequency = stretch(frequency, *scaling);
  }
  return config;
}

struct YarnScaling {
  double factor = 1.0;
  double beta_fast = 32.0;
  double beta_slow = 1.0;
  double original_length = 0.0;
  double attention_factor = 1.0;
  bool truncate = true;
};

// The logarithmic temperature of the YaRN paper, section 3.4.
double yarn_magnitude(double factor, double weight) {
  return factor <= 1.0 ? 1.0 : 0.1 * weight * std::log(factor) + 1.0;
}

Result<double> read_attention_factor(const ConfigFields& fields, double factor) {
  auto given = fields.optional_number("attention_factor", 1e-3, kMaxFactor);
  auto magnitude = fields.optional_number("mscale", 0.0, kMaxFactor);
  auto magnitude_all = fields.optional_number("mscale_all_dim", 0.0, kMaxFactor);
  for (auto* value : {&given, &magnitude, &magnitude_all}) {
    if (!*value) {
      return pass(std::move(*value));
    }
  }
  if (*given) {
    return **given;
  }
  if (magnitude->value_or(0.0) != 0.0 && magnitude_all->value_or(0.0) != 0.0) {
    return yarn_magnitude(factor, **magnitude) / yarn_magnitude(factor, **magnitude_all);
  }
  return yarn_magnitude(factor, 1.0);
}

Result<YarnScaling> read_yarn(const ConfigFields& fields, std::int32_t max_position) {
  auto factor = fields.number("factor", 1.0, kMaxFactor);
  auto fast = fields.optional_number("beta_fast", 1e-3, kMaxFactor);
  auto slow = fields.optional_number("beta_slow", 1e-3, kMaxFactor);
  auto truncate = fields.boolean("truncate");
  auto length = fields.optional_integer("original_max_position_embeddings", 1, kMaxOriginalLength);
  if (!factor) {
    return pass(std::move(factor));
  }
  for (auto* value : {&fast, &slow}) {
    if (!*value) {
      return pass(std::move(*value));
    }
  }
  if (!truncate) {
    return pass(std::move(truncate));
  }
  if (!length) {
    return pass(std::move(length));
  }
  auto attention_factor = read_attention_factor(fields, *factor);
  if (!attention_factor) {
    return pass(std::move(attention_factor));
  }
  return YarnScaling{.factor = *factor,
                     .beta_fast = fast->value_or(32.0),
                     .beta_slow = slow->value_or(1.0),
                     .original_length = static_cast<double>(length->value_or(max_position)),
                     .attention_factor = *attention_factor,
                     .truncate = truncate->value_or(true)};
}

// The (fractional) pair that turns `rotations` times within the original length.
double correction_pair(const YarnScaling& scaling,
                       double rotations,
                       double theta,
                       std::int32_t head_size) {
  return head_size * std::log(scaling.original_length / (rotations * 2.0 * kPi)) /
         (2.0 * std::log(theta));
}

Result<RopeConfig> scale_yarn(const ConfigFields& fields, RopeConfig config, double theta) {
  auto scaling = read_yarn(fields, config.max_position);
  if (!scaling) {
    return pass(std::move(scaling));
  }
  const auto head_size = config.rope.rotary_dim;
  auto low = correction_pair(*scaling, scaling->beta_fast, theta, head_size);
  auto high = correction_pair(*scaling, scaling->beta_slow, theta, head_size);
  if (scaling->truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(head_size - 1));
  high += low == high ? 0.001 : 0.0;
  const auto wavelengths = pair_wavelengths(theta, head_size);
  for (std::size_t pair = 0; pair < wavelengths.size(); ++pair) {
    const auto ramp = std::clamp(
        (static_cast<float>(pair) - static_cast<float>(low)) / static_cast<float>(high - low), 0.0F,
        1.0F);
    const auto stretched = 1.0F / (static_cast<float>(scaling->factor) * wavelengths[pair]);
    const auto kept = 1.0F - ramp;
    config.rope.inverse_frequency[pair] =
        stretched * (1.0F - kept) + 1.0F / wavelengths[pair] * kept;
  }
  config.rope.attention_factor = static_cast<float>(scaling->attention_factor);
  const auto scaled_length = scaling->original_length * scaling->factor;
  config.max_position = std::max(
      config.max_position,
      static_cast<std::int32_t>(std::min(scaled_length, static_cast<double>(kMaxOriginalLength))));
  return config;
}

Result<std::string> read_type(const ConfigFields& scaling) {
  for (const auto* key : {"rope_type", "type"}) {
    auto type = scaling.text(key);
    if (!type) {
      return pass(std::move(type));
    }
    if (*type) {
      return **type;
    }
  }
  return std::string("default");
}

Result<RopeConfig> scale(const ConfigFields& fields, RopeConfig config, double theta) {
  auto type = read_type(fields);
  if (!type) {
    return pass(std::move(type));
  }
  if (*type == "default") {
    return config;
  }
  if (*type == "linear") {
    return scale_linear(fields, std::move(config));
  }
  if (*type == "llama3") {
    return scale_llama3(fields, std::move(config));
  }
  if (*type == "yarn") {
    return scale_yarn(fields, std::move(config), theta);
  }
  constexpr std::size_t kMaxShown = 40;
  return fail(ErrorCode::unsupported, fields.name() + ": rotary scaling \"" +
                                          type->substr(0, kMaxShown) +
                                          "\" is not supported; supported: default, linear, "
                                          "llama3, yarn");
}

// transformers 5 nests one set of parameters per kind of layer where kinds differ.
Result<void> refuse_nested(const ConfigFields& scaling) {
  for (const auto* key : {"full_attention", "sliding_attention"}) {
    auto nested = scaling.object(key);
    if (!nested) {
      return pass(std::move(nested));
    }
    if (*nested) {
      return fail(ErrorCode::unsupported,
                  scaling.name() + ": rotary parameters per kind of layer are not supported");
    }
  }
  return {};
}

Result<void> refuse_partial(const ConfigFields& fields) {
  auto part = fields.optional_number("partial_rotary_factor", 0.0, 1.0);
  if (!part) {
    return pass(std::move(part));
  }
  if (part->value_or(1.0) != 1.0) {
    return fail(ErrorCode::unsupported,
                fields.name() + ": \"partial_rotary_factor\" other than 1 is not supported");
  }
  return {};
}

}  // namespace

Result<RopeConfig> read_rope(const ConfigFields& config,
                             std::int32_t head_size,
                             std::int32_t max_position) {
  constexpr double kDefaultTheta = 10000.0;
  auto scaling = config.object("rope_parameters");
  if (scaling && !*scaling) {
    scaling = config.object("rope_scaling");
  }
  if (!scaling) {
    return pass(std::move(scaling));
  }
  const auto& fields = *scaling ? **scaling : config;
  for (auto refused : {refuse_partial(config), refuse_partial(fields), refuse_nested(fields)}) {
    if (!refused) {
      return pass(std::move(refused));
    }
  }
  auto theta = fields.optional_number("rope_theta", 1.001, kMaxTheta);
  if (theta && !*theta) {
    theta = config.optional_number("rope_theta", 1.001, kMaxTheta);
  }
  if (!theta) {
    return pass(std::move(theta));
  }
  const auto base = theta->value_or(kDefaultTheta);
  RopeConfig plain{.rope = plain_rope(base, head_size), .max_position = max_position};
  return *scaling ? scale(fields, std::move(plain), base) : Result<RopeConfig>(std::move(plain));
}

}  // namespace troupe
