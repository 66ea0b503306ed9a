// Measured step times of a device, and what is fitted to them.
#pragma once

#include "engine/base/result.h"
#include "engine/simulation/step_cost.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::simulation {

enum class Regime : std::uint8_t { decode, prefill, mixed };

/// One measured step: `batch` decodes that attend to `context` tokens each, and, in the other
/// regimes, one prompt of `tokens` − `batch` tokens computed whole.
struct MeasuredStep {
  Regime regime = Regime::decode;
  std::int32_t batch = 0;
  std::int32_t context = 0;
  std::int32_t tokens = 0;  // of the step
  double seconds = 0;
};

struct Calibration {
  std::string device;
  std::string model;
  std::string note;  // e.g. that it is provisional; may be empty
  double weight_bytes = 0;
  double kv_bytes_per_token = 0;
  double flops_per_token = 0;
  double read_bytes_per_second = 0;
  double matmul_flops_per_second = 0;
  double host_link_bytes_per_second = 0;  // 0: unknown
  std::vector<MeasuredStep> rows;
};

/// Reads the JSON of a calibration file. Errors: `invalid_model` with `name` and the field for one
/// that is missing or out of its range, for an unknown phase, and for rows that nothing can be
/// fitted to: one batch at two contexts, and prompts of two lengths, are needed.
[[nodiscard]] Result<Calibration> parse_calibration(std::string_view json, const std::string& name);

/// `parse_calibration` of a file. Errors: `not_found`, and those above.
[[nodiscard]] Result<Calibration> load_calibration(const std::filesystem::path& file);

/// What a device with the memory of an H200 leaves to the KV cache: nine tenths of 141 GB, less the
/// weights.
[[nodiscard]] double kv_memory_bytes(const Calibration& calibration);

[[nodiscard]] StepShape shape_of(const MeasuredStep& step);

/// For each batch a line through the measured times over the context; between batches, and between
/// prompts, straight lines. The cost of a prefill's attention is what the longest prompt costs a
/// token more than the second longest.
[[nodiscard]] FittedCost fit(const Calibration& calibration);

/// No engine is faster: the weights and the context read once, or the arithmetic of its tokens.
[[nodiscard]] double least_seconds(const Calibration& calibration, const StepShape& shape);

struct Residual {
  MeasuredStep measured;
  double fitted_seconds = 0;

  /// Of the measured time; positive where the fit is slower.
  [[nodiscard]] double share() const { return fitted_seconds / measured.seconds - 1.0; }
};

[[nodiscard]] std::vector<Residual> residuals(const Calibration& calibration,
                                              const FittedCost& cost);

}  // namespace troupe::simulation
