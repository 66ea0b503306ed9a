#include "engine/simulation/calibration.h"

#include "engine/model/config_fields.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace troupe::simulation {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20U;
constexpr double kLargest = 1e18;
constexpr double kLongestStep = 1e4;          // seconds
constexpr std::int32_t kMaxBatch = 1 << 16;   // sequences
constexpr std::int32_t kMaxTokens = 1 << 24;  // of a step or a context
constexpr std::size_t kMaxRows = 10'000;

Result<Regime> regime_of(const ConfigFields& fields) {
  auto phase = fields.text("phase");
  if (!phase) {
    return pass(std::move(phase));
  }
  const auto& name = phase->value_or("");
  if (name == "decode") {
    return Regime::decode;
  }
  if (name == "prefill") {
    return Regime::prefill;
  }
  if (name == "mixed") {
    return Regime::mixed;
  }
  return fail(ErrorCode::invalid_model,
              fields.name() + ": phase is '" + name + "', it must be decode, prefill or mixed");
}

Result<MeasuredStep> read_row(const ConfigFields& fields) {
  MeasuredStep row;
  auto regime = regime_of(fields);
  if (!regime) {
    return pass(std::move(regime));
  }
  row.regime = *regime;
  const auto least = row.regime == Regime::prefill ? 0 : 1;
  auto batch = fields.integer("batch", least, kMaxBatch);
  if (!batch) {
    return pass(std::move(batch));
  }
  auto context = fields.integer("context", 0, kMaxTokens);
  if (!context) {
    return pass(std::move(context));
  }
  auto tokens = fields.integer("tokens", std::max(1, *batch), kMaxTokens);
  if (!tokens) {
    return pass(std::move(tokens));
  }
  auto seconds = fields.number("seconds", 1e-9, kLongestStep);
  if (!seconds) {
    return pass(std::move(seconds));
  }
  row.batch = *batch;
  row.context = *context;
  row.tokens = *tokens;
  row.seconds = *seconds;
  return row;
}

struct NumberField {
  const char* key;
  double Calibration::*member;
};

Result<void> read_numbers(const ConfigFields& fields, Calibration& calibration) {
  constexpr NumberField kFields[] = {
      {"weight_bytes", &Calibration::weight_bytes},
      {"kv_bytes_per_token", &Calibration::kv_bytes_per_token},
      {"flops_per_token", &Calibration::flops_per_token},
      {"read_bytes_per_s", &Calibration::read_bytes_per_second},
      {"matmul_flops_per_s", &Calibration::matmul_flops_per_second},
  };
  for (const auto& field : kFields) {
    auto number = fields.number(field.key, 1.0, kLargest);
    if (!number) {
      return pass(std::move(number));
    }
    calibration.*field.member = *number;
  }
  auto link = fields.optional_number("host_link_bytes_per_s", 1.0, kLargest);
  if (!link) {
    return pass(std::move(link));
  }
  calibration.host_link_bytes_per_second = link->value_or(0);
  return {};
}

Result<void> read_texts(const ConfigFields& fields, Calibration& calibration) {
  const std::pair<const char*, std::string Calibration::*> members[] = {
      {"device", &Calibration::device},
      {"model", &Calibration::model},
      {"note", &Calibration::note}};
  for (const auto& [key, member] : members) {
    auto text = fields.text(key);
    if (!text) {
      return pass(std::move(text));
    }
    calibration.*member = text->value_or("");
  }
  return {};
}

// Decodes of one batch size over the tokens that they attend to, all together.
struct Line {
  double seconds = 0;              // at no context
  double seconds_per_context = 0;  // of a token; never negative
};

std::optional<Line> least_squares(const std::vector<MeasuredStep>& rows) {
  double mean_x = 0;
  double mean_y = 0;
  for (const auto& row : rows) {
    mean_x += static_cast<double>(row.batch) * row.context / static_cast<double>(rows.size());
    mean_y += row.seconds / static_cast<double>(rows.size());
  }
  double xx = 0;
  double xy = 0;
  for (const auto& row : rows) {
    const auto x = static_cast<double>(row.batch) * row.context - mean_x;
    xx += x * x;
    xy += x * (row.seconds - mean_y);
  }
  if (xx <= 0) {
    return std::nullopt;
  }
  const auto slope = std::max(0.0, xy / xx);
  return Line{mean_y - slope * mean_x, slope};
}

std::map<std::int32_t, Line> decode_lines(const Calibration& calibration) {
  std::map<std::int32_t, std::vector<MeasuredStep>> by_batch;
  for (const auto& row : calibration.rows) {
    if (row.regime == Regime::decode) {
      by_batch[row.batch].push_back(row);
    }
  }
  std::map<std::int32_t, Line> lines;
  for (const auto& [batch, rows] : by_batch) {
    if (const auto line = least_squares(rows)) {
      lines.emplace(batch, *line);
    }
  }
  return lines;
}

std::map<std::int32_t, double> prefill_times(const Calibration& calibration) {
  std::map<std::int32_t, double> times;
  for (const auto& row : calibration.rows) {
    if (row.regime == Regime::prefill) {
      times[row.tokens] = row.seconds;
    }
  }
  return times;
}

// The matrix products of the two longest prompts cost the same a token; the rest is attention.
double pair_seconds(const std::map<std::int32_t, double>& prefills) {
  const auto longest = std::prev(prefills.end());
  const auto second = std::prev(longest);
  const auto more = longest->second / longest->first - second->second / second->first;
  return std::max(0.0, more / ((longest->first - second->first) / 2.0));
}

double pairs_of(std::int32_t num_tokens) {
  return 0.5 * num_tokens * num_tokens;
}

double mixed_seconds(const Calibration& calibration, const FittedCost& cost) {
  double sum = 0;
  double count = 0;
  for (const auto& row : calibration.rows) {
    if (row.regime == Regime::mixed) {
      sum += row.seconds - seconds_of(cost, shape_of(row));
      ++count;
    }
  }
  return count > 0 ? std::max(0.0, sum / count) : 0.0;
}

}  // namespace

Result<Calibration> parse_calibration(std::string_view json, const std::string& name) {
  auto object = parse_json_object(json, name);
  if (!object) {
    return pass(std::move(object));
  }
  const ConfigFields fields(*object, name);
  Calibration calibration;
  if (auto read = read_numbers(fields, calibration); !read) {
    return pass(std::move(read));
  }
  if (auto read = read_texts(fields, calibration); !read) {
    return pass(std::move(read));
  }
  const auto rows = object->find("rows");
  if (rows == object->end() || !rows->is_array() || rows->size() > kMaxRows) {
    return fail(ErrorCode::invalid_model, name + ": rows must be a list of at most " +
                                              std::to_string(kMaxRows) + " measured steps");
  }
  for (const auto& entry : *rows) {
    const auto row_name = name + ", row " + std::to_string(calibration.rows.size() + 1);
    if (!entry.is_object()) {
      return fail(ErrorCode::invalid_model, row_name + " is no object");
    }
    auto row = read_row(ConfigFields(entry, row_name));
    if (!row) {
      return pass(std::move(row));
    }
    calibration.rows.push_back(*row);
  }
  if (decode_lines(calibration).empty() || prefill_times(calibration).size() < 2) {
    return fail(ErrorCode::invalid_model,
                name +
                    ": decodes of one batch at two contexts and prefills of two lengths are "
                    "needed to fit anything");
  }
  return calibration;
}

Result<Calibration> load_calibration(const std::filesystem::path& file) {
  auto object = read_json_object(file, kMaxFileBytes);
  if (!object) {
    return pass(std::move(object));
  }
  return parse_calibration(object->dump(), file.filename().string());
}

double kv_memory_bytes(const Calibration& calibration) {
  constexpr double kDeviceBytes = 0.9 * 141e9;
  return kDeviceBytes - calibration.weight_bytes;
}

StepShape shape_of(const MeasuredStep& step) {
  StepShape shape;
  shape.num_decodes = step.batch;
  shape.num_decode_context = std::int64_t{step.batch} * step.context;
  shape.num_prefill_tokens = step.tokens - step.batch;
  shape.num_prefill_pairs = pairs_of(step.tokens - step.batch);
  return shape;
}

FittedCost fit(const Calibration& calibration) {
  const auto lines = decode_lines(calibration);
  const auto prefills = prefill_times(calibration);
  FittedCost cost;
  cost.seconds_per_pair = pair_seconds(prefills);
  std::vector<Curve::Knot> dense;
  std::vector<Curve::Knot> context;
  for (const auto& [batch, line] : lines) {
    dense.push_back({static_cast<double>(batch), line.seconds});
    context.push_back({static_cast<double>(batch), line.seconds_per_context});
  }
  const auto widest = lines.rbegin()->first;
  for (const auto& [tokens, seconds] : prefills) {
    if (tokens > widest) {
      dense.push_back(
          {static_cast<double>(tokens), seconds - cost.seconds_per_pair * pairs_of(tokens)});
    }
  }
  cost.dense = Curve(std::move(dense));
  cost.seconds_per_context = Curve(std::move(context));
  cost.mixed_seconds = mixed_seconds(calibration, cost);
  return cost;
}

double least_seconds(const Calibration& calibration, const StepShape& shape) {
  const auto context = static_cast<double>(shape.num_decode_context);
  const auto bytes = calibration.weight_bytes + context * calibration.kv_bytes_per_token;
  const auto flops = static_cast<double>(shape.num_tokens()) * calibration.flops_per_token;
  return std::max(bytes / calibration.read_bytes_per_second,
                  flops / calibration.matmul_flops_per_second);
}

std::vector<Residual> residuals(const Calibration& calibration, const FittedCost& cost) {
  std::vector<Residual> all;
  for (const auto& row : calibration.rows) {
    all.push_back({row, seconds_of(cost, shape_of(row))});
  }
  return all;
}

}  // namespace troupe::simulation
