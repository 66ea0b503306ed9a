#include "engine/simulation/plot.h"

#include "engine/simulation/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <utility>

namespace troupe::simulation {
namespace {

constexpr std::size_t kMoments = 400;  // a chart is no finer than its pixels
constexpr double kGib = 1024.0 * 1024.0 * 1024.0;

double end_of(const RunRecord& record) {
  return record.steps.empty() ? 0 : in_seconds(record.steps.back().end);
}

/// Adds `value` over [begin, end), in units of a cell, to the cells that it lies in.
void spread(std::vector<double>& cells, double begin, double end, double value) {
  const auto last = static_cast<double>(cells.size());
  for (auto at = std::clamp(begin, 0.0, last); at < std::min(end, last);) {
    const auto cell = std::min(static_cast<std::size_t>(at), cells.size() - 1);
    const auto next = std::min(end, static_cast<double>(cell) + 1);
    cells[cell] += (next - at) * value;
    at = next;
  }
}

/// The mean of a figure in each of `kMoments` equal parts of [0, until], nothing where no step ran.
std::vector<Point> over_time(const RunRecord& record,
                             double until,
                             const std::function<double(const StepRecord&)>& figure) {
  if (!(until > 0)) {
    return {};
  }
  std::vector<double> cells(kMoments, 0.0);
  const auto scale = static_cast<double>(kMoments) / until;
  for (const auto& step : record.steps) {
    spread(cells, in_seconds(step.begin) * scale, in_seconds(step.end) * scale, figure(step));
  }
  std::vector<Point> points;
  for (std::size_t cell = 0; cell < cells.size(); ++cell) {
    points.push_back({(static_cast<double>(cell) + 0.5) / scale, cells[cell]});
  }
  return points;
}

Ink ink_of(Phase phase) {
  switch (phase) {
    case Phase::queued:
      return Ink::grey;
    case Phase::prefill:
      return Ink::orange;
    case Phase::decode:
      return Ink::blue;
    case Phase::preempted:
      return Ink::red;
  }
  return Ink::grey;
}

void draw_request(Chart& chart, const RequestRecord& request, double row) {
  for (std::size_t index = 0; index < request.phases.size(); ++index) {
    const auto& span = request.phases[index];
    const auto end =
        index + 1 < request.phases.size() ? request.phases[index + 1].begin : request.end;
    const auto thin = span.phase == Phase::queued ? 0.15 : 0.0;
    chart.box({in_seconds(span.begin), in_seconds(end), row + 0.1 + thin, row + 0.9 - thin},
              ink_of(span.phase));
  }
}

/// Powers of ten that hold all of them: percentiles of different policies are far apart.
std::pair<int, int> decades_of(std::span<const NamedPercentiles> all) {
  auto lowest = std::numeric_limits<double>::max();
  double highest = 0;
  for (const auto& entry : all) {
    highest = std::max(highest, entry.seconds.p99);
    lowest = entry.seconds.p50 > 0 ? std::min(lowest, entry.seconds.p50) : lowest;
  }
  if (!(highest > 0) || lowest > highest) {
    return {0, 1};
  }
  const auto low = static_cast<int>(std::floor(std::log10(lowest)));
  return {low, std::max(low + 1, static_cast<int>(std::ceil(std::log10(highest))))};
}

Axis logarithmic(std::string label, std::pair<int, int> decades) {
  Axis axis{std::move(label), static_cast<double>(decades.first),
            static_cast<double>(decades.second)};
  for (auto power = decades.first; power <= decades.second; ++power) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", std::pow(10.0, power));
    axis.ticks.emplace_back(power, text);
  }
  return axis;
}

}  // namespace

std::string plot_occupancy(const std::string& title,
                           std::span<const NamedRun> runs,
                           std::int32_t num_seats) {
  double until = 0;
  for (const auto& run : runs) {
    until = std::max(until, end_of(*run.record));
  }
  Chart chart(title, {"time (s)", 0, until}, {"sequences in a step", 0, num_seats * 1.02});
  for (std::size_t index = 0; index < runs.size(); ++index) {
    chart.line(over_time(*runs[index].record, until,
                         [](const StepRecord& step) { return static_cast<double>(step.num_rows); }),
               ink(index));
    chart.legend(runs[index].name, ink(index));
  }
  return chart.svg();
}

std::string plot_gantt(const std::string& title,
                       const RunRecord& record,
                       std::int32_t max_requests) {
  const auto count = std::ssize(record.requests);
  const auto shown = std::min<std::ptrdiff_t>(count, std::max(1, max_requests));
  double until = 0;
  for (const auto& request : record.requests) {
    until = std::max(until, in_seconds(request.end));
  }
  constexpr std::int32_t kFrame = 110;
  constexpr std::int32_t kBar = 5;
  const auto height =
      kFrame + kBar * static_cast<std::int32_t>(std::max<std::ptrdiff_t>(shown, 20));
  const auto what = shown < count ? "requests (" + std::to_string(shown) + " of " +
                                        std::to_string(count) + ", by arrival)"
                                  : std::string("requests, by arrival");
  // The first one on top.
  Axis rows{what, 0, static_cast<double>(std::max<std::ptrdiff_t>(shown, 1)), {{0.0, ""}}};
  Chart chart(title, {"time (s)", 0, until}, std::move(rows), height);
  for (std::ptrdiff_t row = 0; row < shown; ++row) {
    const auto index = static_cast<std::size_t>(row * count / shown);
    draw_request(chart, record.requests[index], static_cast<double>(shown - row - 1));
  }
  chart.legend("queued", ink_of(Phase::queued))
      .legend("prefill", ink_of(Phase::prefill))
      .legend("decode", ink_of(Phase::decode))
      .legend("preempted", ink_of(Phase::preempted));
  return chart.svg();
}

std::string plot_kv_use(const std::string& title, const RunRecord& record) {
  const auto until = end_of(record);
  const auto block = static_cast<double>(record.bytes_per_block) / kGib;
  const auto token = block / record.block_size;
  const auto reserved = over_time(
      record, until, [&](const StepRecord& step) { return step.num_used_blocks * block; });
  const auto used = over_time(record, until, [&](const StepRecord& step) {
    return static_cast<double>(step.num_stored_tokens) * token;
  });
  const auto capacity = record.num_blocks * block;
  double highest = 0;
  for (const auto& point : reserved) {
    highest = std::max(highest, point.y);
  }
  // The device's limit belongs into the picture when it is anywhere near.
  const auto shows_capacity = highest > capacity / 4;
  Chart chart(title, {"time (s)", 0, until},
              {"KV cache (GiB)", 0, 1.05 * (shows_capacity ? capacity : highest)});
  chart.area(reserved, Ink::orange).area(used, Ink::blue);
  chart.legend("reserved blocks", Ink::orange).legend("holding tokens", Ink::blue);
  if (shows_capacity) {
    chart.dashed({{0, capacity}, {until, capacity}}, Ink::red).legend("device", Ink::red);
  }
  return chart.svg();
}

std::string plot_percentiles(const std::string& title,
                             const std::string& what,
                             std::span<const NamedPercentiles> all) {
  constexpr double kGroup = 0.8;  // of the distance between two groups
  const std::vector<std::pair<double, std::string>> groups = {
      {0.5, "p50"}, {1.5, "p90"}, {2.5, "p95"}, {3.5, "p99"}};
  const auto decades = decades_of(all);
  Chart chart(title, {"percentile", 0, 4, groups}, logarithmic(what + " (s)", decades));
  const auto width = kGroup / static_cast<double>(std::max<std::size_t>(all.size(), 1));
  for (std::size_t index = 0; index < all.size(); ++index) {
    const auto& seconds = all[index].seconds;
    const std::array<double, 4> bars = {seconds.p50, seconds.p90, seconds.p95, seconds.p99};
    for (std::size_t group = 0; group < bars.size(); ++group) {
      const auto left =
          static_cast<double>(group) + (1 - kGroup) / 2 + width * static_cast<double>(index);
      const auto height = bars[group] > 0 ? std::log10(bars[group]) : decades.first;
      chart.box({left, left + width * 0.92, static_cast<double>(decades.first), height},
                ink(index));
    }
    chart.legend(all[index].name, ink(index));
  }
  return chart.svg();
}

std::string plot_gains(const std::string& title,
                       std::span<const std::int32_t> batches,
                       std::span<const GainSeries> all) {
  std::vector<std::pair<double, std::string>> ticks;
  for (std::size_t index = 0; index < batches.size(); ++index) {
    ticks.emplace_back(static_cast<double>(index), std::to_string(batches[index]));
  }
  double highest = 1;
  for (const auto& series : all) {
    for (const auto gain : series.gains) {
      highest = std::max(highest, gain);
    }
    for (const auto bound : series.bounds) {
      highest = std::max(highest, bound);
    }
  }
  const auto points = [](const std::vector<double>& values) {
    std::vector<Point> line;
    for (std::size_t index = 0; index < values.size(); ++index) {
      line.push_back({static_cast<double>(index), values[index]});
    }
    return line;
  };
  const auto last = static_cast<double>(batches.size()) - 1;
  Chart chart(title, {"batch size", -0.2, last + 0.2, std::move(ticks)},
              {"times static batching", 0, highest * 1.05});
  for (std::size_t index = 0; index < all.size(); ++index) {
    chart.line(points(all[index].gains), ink(index)).dashed(points(all[index].bounds), Ink::grey);
    chart.legend(all[index].name, ink(index));
  }
  return chart.svg();
}

}  // namespace troupe::simulation
