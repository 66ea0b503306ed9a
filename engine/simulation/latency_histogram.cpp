// Class 0 holds what is below a microsecond; class k the durations up to 1.01^k microseconds.
#include "engine/simulation/latency_histogram.h"

#include <algorithm>
#include <cmath>

namespace troupe::simulation {
namespace {

constexpr double kWidth = 1.01;
constexpr double kSmallestSeconds = 1e-6;

std::size_t class_of(double seconds) {
  if (seconds <= kSmallestSeconds) {
    return 0;
  }
  static const double kLogWidth = std::log(kWidth);
  return static_cast<std::size_t>(std::ceil(std::log(seconds / kSmallestSeconds) / kLogWidth));
}

Duration upper_end(std::size_t index) {
  const auto seconds = kSmallestSeconds * std::pow(kWidth, static_cast<double>(index));
  return from_seconds(seconds);
}

}  // namespace

void LatencyHistogram::add(Duration duration, std::int64_t count) {
  if (count <= 0) {
    return;
  }
  const auto counted = std::max(duration, Duration::zero());
  const auto index = class_of(in_seconds(counted));
  if (index >= classes_.size()) {
    classes_.resize(index + 1, 0);
  }
  classes_[index] += count;
  count_ += count;
  sum_seconds_ += in_seconds(counted) * static_cast<double>(count);
  longest_ = std::max(longest_, counted);
}

void LatencyHistogram::add(const LatencyHistogram& other) {
  classes_.resize(std::max(classes_.size(), other.classes_.size()), 0);
  for (std::size_t index = 0; index < other.classes_.size(); ++index) {
    classes_[index] += other.classes_[index];
  }
  count_ += other.count_;
  sum_seconds_ += other.sum_seconds_;
  longest_ = std::max(longest_, other.longest_);
}

Duration LatencyHistogram::mean() const {
  if (count_ == 0) {
    return Duration::zero();
  }
  const std::chrono::duration<double> mean(sum_seconds_ / static_cast<double>(count_));
  return std::chrono::duration_cast<Duration>(mean);
}

Duration LatencyHistogram::percentile(double share) const {
  const auto wanted = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(count_)));
  std::int64_t seen = 0;
  for (std::size_t index = 0; index < classes_.size(); ++index) {
    seen += classes_[index];
    if (seen > 0 && seen >= wanted) {
      return std::min(upper_end(index), longest_);
    }
  }
  return Duration::zero();
}

}  // namespace troupe::simulation
