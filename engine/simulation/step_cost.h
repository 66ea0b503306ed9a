// How long a device takes for a step, as a pure function of the step's shape: fitted to measured
// step times (see calibration.h), or the same for all.
#pragma once

#include "engine/base/time.h"
#include "engine/step/step.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace troupe::simulation {

/// What a step computes, as far as its time depends on it.
struct StepShape {
  std::int64_t num_decodes = 0;         // rows that compute one token
  std::int64_t num_decode_context = 0;  // tokens that those attend to, all together
  std::int64_t num_prefill_tokens = 0;  // in longer rows
  double num_prefill_pairs = 0;         // of such a token and one it attends to

  [[nodiscard]] std::int64_t num_tokens() const { return num_decodes + num_prefill_tokens; }
};

[[nodiscard]] StepShape shape_of(const StepPlan& plan);

/// `rows` prompts of `length` tokens each, computed whole.
[[nodiscard]] StepShape whole_prompts(std::int64_t rows, std::int64_t length);

/// A step's time on the device. Never negative; zero for a step without rows.
using StepCost = std::function<Duration(const StepShape&)>;

/// Each step takes one unit of time, whatever it holds: so that time counts steps.
inline constexpr Duration kUnitStep = std::chrono::milliseconds(1);
[[nodiscard]] StepCost equal_step_cost();

/// A piecewise linear function: through its knots, level before the first, on along the last piece
/// behind the last.
class Curve {
 public:
  struct Knot {
    double x = 0;
    double y = 0;
  };

  Curve() = default;
  /// Checked: `knots` ascend in x.
  explicit Curve(std::vector<Knot> knots);

  /// 0 without knots.
  [[nodiscard]] double at(double x) const;

  [[nodiscard]] const std::vector<Knot>& knots() const { return knots_; }

 private:
  std::vector<Knot> knots_;
};

/// What was fitted to a device: a step costs what its tokens cost in the matrix products, whoever
/// they belong to, what its decodes read of the KV cache, and what its prefills attend to; and
/// something once more where it has both, since both kinds of attention run then.
struct FittedCost {
  Curve dense;                  // seconds by tokens of the step
  Curve seconds_per_context;    // of one token attended to by a decode, by decodes of the step
  double seconds_per_pair = 0;  // of a prefill token and one it attends to
  double mixed_seconds = 0;     // of a step with decodes and prefills
};

[[nodiscard]] double seconds_of(const FittedCost& cost, const StepShape& shape);

[[nodiscard]] StepCost fitted_step_cost(FittedCost cost);

}  // namespace troupe::simulation
