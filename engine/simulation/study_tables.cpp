#include "engine/simulation/study_tables.h"

#include "engine/simulation/bound.h"
#include "engine/simulation/plot.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

namespace troupe::simulation {
namespace {

constexpr const char* kBestColumns =
    " 'bucketed' and 'continuous' are gains over static; the columns behind them are those of "
    "prompts in chunks, or of continuous batching where chunks were not run.";
constexpr double kGib = 1024.0 * 1024.0 * 1024.0;

double unit_seconds() {
  return in_seconds(kUnitStep);
}

std::string fixed(double number, int digits) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return text;
}

/// Seconds with three digits that count.
std::string seconds_text(double seconds) {
  const auto milliseconds = seconds * 1e3;
  if (milliseconds < 100) {
    return fixed(milliseconds, milliseconds < 10 ? 2 : 1) + " ms";
  }
  return seconds < 10 ? fixed(seconds, 2) + " s" : fixed(seconds, seconds < 100 ? 1 : 0) + " s";
}

std::string share_text(double share) {
  return fixed(100 * share, 1) + " %";
}

/// Where nobody counted bytes, none are told.
std::string gib_text(double bytes) {
  return bytes > 0 ? fixed(bytes / kGib, 2) : "–";
}

std::string gain_text(std::optional<double> gain) {
  return gain ? fixed(*gain, 2) + "x" : "–";
}

std::string name_of(const StudyRow& row) {
  return std::string(row.run->asked.policy->name);
}

std::size_t order_of(const StudyPolicy* policy) {
  return static_cast<std::size_t>(policy - study_policies().data());
}

auto place_of(const StudyRun& run) {
  return std::tuple(run.asked.list->name, run.asked.arrivals, run.asked.batch);
}

using ByPolicy = std::map<std::string_view, const StudyRow*>;

/// Rows of one list, arrivals and batch, in the order of the rows.
std::vector<ByPolicy> by_place(const std::vector<StudyRow>& rows) {
  std::vector<ByPolicy> places;
  const StudyRun* last = nullptr;
  for (const auto& row : rows) {
    if (last == nullptr || place_of(*last) != place_of(*row.run)) {
      places.emplace_back();
    }
    places.back()[row.run->asked.policy->name] = &row;
    last = row.run;
  }
  return places;
}

const StudyRow* find(const ByPolicy& place, std::string_view policy) {
  const auto found = place.find(policy);
  return found == place.end() ? nullptr : found->second;
}

/// A cell of a policy that may be missing.
template <class Text>
std::string cell(const ByPolicy& place, std::string_view policy, Text text) {
  const auto* row = find(place, policy);
  return row == nullptr ? "–" : text(*row);
}

std::string gain_of(const StudyRow& row) {
  return gain_text(row.gain);
}

Table gain_table(const std::vector<StudyRow>& rows) {
  Table table{{"list", "batch", "static steps", "idle slots", "bucketed", "continuous steps",
               "gain", "bound", "of bound", "any order"},
              {}};
  for (const auto& place : by_place(rows)) {
    const auto& any = *place.begin()->second;
    table.rows.push_back(
        {any.run->asked.list->name, std::to_string(any.run->asked.batch),
         std::to_string(any.bound.static_steps), share_text(any.bound.idle_share),
         cell(place, "static-bucketed", gain_of),
         cell(place, "continuous",
              [](const StudyRow& row) { return std::to_string(row.run->figures.num_steps); }),
         cell(place, "continuous", gain_of), fixed(any.bound.gain(), 2) + "x",
         cell(place, "continuous",
              [](const StudyRow& row) { return share_text(row.share_of_bound().value_or(0)); }),
         fixed(any.bound.gain_of_any_order(), 2) + "x"});
  }
  return table;
}

std::string tokens_per_second(const StudyRow& row) {
  return fixed(row.run->figures.output_tokens_per_second, 0);
}

Table modelled_table(const std::vector<StudyRow>& rows) {
  Table table{{"list", "batch", "static tok/s", "bucketed", "continuous", "tok/s", "gain",
               "p50 static", "p50", "p99 static", "p99", "occupancy", "busy", "KV GiB", "wasted",
               "padding static", "of outputs", "refused"},
              {}};
  const auto latency = [](double Percentiles::*which) {
    return [which](const StudyRow& row) { return seconds_text(row.run->figures.latency.*which); };
  };
  for (const auto& place : by_place(rows)) {
    const auto& asked = place.begin()->second->run->asked;
    const auto* best = find(place, "chunked") != nullptr ? "chunked" : "continuous";
    table.rows.push_back(
        {asked.list->name, std::to_string(asked.batch), cell(place, "static", tokens_per_second),
         cell(place, "static-bucketed", gain_of), cell(place, "continuous", gain_of),
         cell(place, best, tokens_per_second), cell(place, best, gain_of),
         cell(place, "static", latency(&Percentiles::p50)),
         cell(place, best, latency(&Percentiles::p50)),
         cell(place, "static", latency(&Percentiles::p99)),
         cell(place, best, latency(&Percentiles::p99)),
         cell(place, best,
              [](const StudyRow& row) { return share_text(row.run->figures.full_occupancy); }),
         cell(place, best,
              [](const StudyRow& row) { return share_text(row.run->figures.busy_share); }),
         cell(place, best,
              [](const StudyRow& row) { return gib_text(row.run->figures.kv.reserved); }),
         cell(place, best,
              [](const StudyRow& row) { return gib_text(row.run->figures.kv.wasted); }),
         cell(place, "static",
              [](const StudyRow& row) { return gib_text(row.run->padding_bytes); }),
         cell(place, "static",
              [](const StudyRow& row) { return gib_text(row.run->expected_padding_bytes); }),
         cell(place, best,
              [](const StudyRow& row) { return std::to_string(row.run->figures.num_refused); })});
  }
  return table;
}

Table spread_table(const std::vector<StudyRow>& rows) {
  Table table{
      {"outputs", "batch", "mean", "sigma", "longest", "bucketed", "gain", "bound", "of bound"},
      {}};
  for (const auto& place : by_place(rows)) {
    const auto& any = *place.begin()->second;
    const auto summary = summarise(output_lengths(*any.run->asked.list));
    table.rows.push_back({any.run->asked.list->name, std::to_string(any.run->asked.batch),
                          fixed(summary.mean, 0), fixed(summary.sigma, 0),
                          std::to_string(summary.longest), cell(place, "static-bucketed", gain_of),
                          cell(place, "continuous", gain_of), fixed(any.bound.gain(), 2) + "x",
                          cell(place, "continuous", [](const StudyRow& row) {
                            return share_text(row.share_of_bound().value_or(0));
                          })});
  }
  return table;
}

/// The mean time of a step, under the policy's own batches.
Duration mean_step(const RunFigures& figures) {
  const std::chrono::duration<double> busy(figures.busy_share * figures.seconds);
  return std::chrono::duration_cast<Duration>(
      busy / static_cast<double>(std::max<std::int64_t>(figures.num_steps, 1)));
}

Table arrivals_table(const std::vector<StudyRow>& rows) {
  Table table{{"arrivals", "policy", "load by mean", "by longest", "queued", "TTFT p50", "TTFT p99",
               "ITL p50", "ITL p99", "latency p50", "p90", "p95", "p99", "occupancy", "busy"},
              {}};
  for (const auto& row : rows) {
    const auto& figures = row.run->figures;
    const auto& asked = row.run->asked;
    const auto summary = summarise(output_lengths(*asked.list));
    const auto step = mean_step(figures);
    const auto load = [&](double steps) {
      return fixed(offered_load(asked.rate, steps, asked.batch, step), 2);
    };
    table.rows.push_back(
        {asked.arrivals, name_of(row), load(summary.mean), load(summary.longest),
         seconds_text(figures.mean_queueing), seconds_text(figures.first_token.p50),
         seconds_text(figures.first_token.p99), seconds_text(figures.inter_token.p50),
         seconds_text(figures.inter_token.p99), seconds_text(figures.latency.p50),
         seconds_text(figures.latency.p90), seconds_text(figures.latency.p95),
         seconds_text(figures.latency.p99), share_text(figures.occupancy),
         share_text(figures.busy_share)});
  }
  return table;
}

Table policies_table(const std::vector<StudyRow>& rows) {
  Table table{{"policy", "tok/s", "TTFT p50", "TTFT p99", "urgent p99", "ITL p50", "ITL p99",
               "latency p50", "p99", "occupancy", "preempted", "swapped", "discarded"},
              {}};
  for (const auto& row : rows) {
    const auto& figures = row.run->figures;
    table.rows.push_back(
        {name_of(row), fixed(figures.output_tokens_per_second, 0),
         seconds_text(figures.first_token.p50), seconds_text(figures.first_token.p99),
         seconds_text(row.run->urgent_first_token), seconds_text(figures.inter_token.p50),
         seconds_text(figures.inter_token.p99), seconds_text(figures.latency.p50),
         seconds_text(figures.latency.p99), share_text(figures.occupancy),
         std::to_string(figures.num_preemptions), std::to_string(figures.num_swapped_blocks),
         std::to_string(figures.num_discarded_rows)});
  }
  return table;
}

Table prefixes_table(const std::vector<StudyRow>& rows) {
  Table table{
      {"policy", "list", "cached", "req/s", "tok/s", "TTFT p50", "TTFT p99", "latency p50", "p99"},
      {}};
  for (const auto& row : rows) {
    const auto& figures = row.run->figures;
    table.rows.push_back(
        {name_of(row), row.run->asked.list->name, share_text(figures.cached_share),
         fixed(figures.requests_per_second, 2), fixed(figures.output_tokens_per_second, 0),
         seconds_text(figures.first_token.p50), seconds_text(figures.first_token.p99),
         seconds_text(figures.latency.p50), seconds_text(figures.latency.p99)});
  }
  return table;
}

/// Gains over batch sizes with their bounds, one line for each list.
std::string gain_chart(const std::string& title, const std::vector<StudyRow>& rows) {
  std::set<std::int32_t> batches;
  std::vector<GainSeries> all;
  for (const auto& place : by_place(rows)) {
    const auto* row = find(place, "continuous");
    if (row == nullptr) {
      continue;
    }
    const auto& asked = row->run->asked;
    batches.insert(asked.batch);
    if (all.empty() || all.back().name != asked.list->name) {
      all.push_back({asked.list->name, {}, {}});
    }
    all.back().gains.push_back(row->gain.value_or(0));
    all.back().bounds.push_back(row->bound.gain());
  }
  const std::vector<std::int32_t> sizes(batches.begin(), batches.end());
  return plot_gains(title, sizes, all);
}

std::vector<std::string> run_charts(const std::vector<StudyRow>& rows) {
  std::vector<std::string> charts;
  for (const auto& place : by_place(rows)) {
    std::vector<NamedRun> drawn;
    const auto* best = find(place, "chunked") != nullptr ? "chunked" : "continuous";
    for (const auto* name : {"static", best}) {
      const auto* row = find(place, name);
      if (row != nullptr && row->run->record) {
        drawn.push_back({name, row->run->record.get()});
      }
    }
    if (drawn.empty()) {
      continue;
    }
    const auto& asked = place.begin()->second->run->asked;
    const auto where = asked.list->name + ", batch " + std::to_string(asked.batch);
    charts.push_back(plot_occupancy("Batch occupancy: " + where, drawn, asked.batch));
    for (const auto& run : drawn) {
      charts.push_back(plot_gantt("Requests, " + run.name + ": " + where, *run.record));
      if (run.record->bytes_per_block > 0) {
        charts.push_back(plot_kv_use("KV cache, " + run.name + ": " + where, *run.record));
      }
    }
  }
  return charts;
}

std::string latency_chart(const std::string& title,
                          const std::vector<StudyRow>& rows,
                          std::string_view arrivals) {
  std::vector<NamedPercentiles> all;
  for (const auto& row : rows) {
    if (arrivals.empty() || row.run->asked.arrivals == arrivals) {
      all.push_back({name_of(row), row.run->figures.latency});
    }
  }
  return plot_percentiles(title, "latency", all);
}

Section gain_section(const std::vector<StudyRow>& rows) {
  return {"Continuous over static batching, every step at the same cost",
          "What length variance alone gives: makespans in steps, all requests present at once, a "
          "prompt in one step. Static's steps are the sum of each batch's longest. The bound is "
          "static's steps over those of list scheduling in the order of arrival; 'any order' is "
          "the bound of every scheduler, the order of its requests "
          "chosen freely. 'bucketed' is the gain of static batches of similar length.",
          gain_table(rows),
          {gain_chart("Gain and bound (dashed) at equal step cost", rows)}};
}

Section measured_section(const std::vector<StudyRow>& rows) {
  return {"The same in measured time",
          "The same binary, the same scheduler, real steps of this device. Static batches are "
          "padded by running them so: every prompt as long as the longest of its batch, every "
          "output too; only the tokens that were asked for count. Percentiles are of latencies "
          "with all requests present at once: most of it is queueing." +
              std::string(kBestColumns),
          modelled_table(rows), run_charts(rows)};
}

Section modelled_section(const std::vector<StudyRow>& rows) {
  return {"The same in modelled time",
          "Steps cost what the calibration says. Static batches are padded: prompts to the longest "
          "of the batch, ended members computed until the longest has ended; their tokens are sent "
          "as they come. Memory is the device's; where not even the members' own tokens fit, a "
          "static batch is smaller; what padding would need on top ('padding static' in GiB, and "
          "as expected for "
          "outputs alone, batch · (longest − mean) · bytes of a token) is not held against it. The "
          "gain is one of makespans; it may exceed the bound above, since it holds "
          "the padding as well. Percentiles are of latencies with all requests present at once: "
          "most of it is queueing." +
              std::string(kBestColumns),
          modelled_table(rows), run_charts(rows)};
}

Section spread_section(const std::vector<StudyRow>& rows) {
  return {"The gain over the spread of lengths, every step at the same cost",
          "Outputs of 1,280 synthetic requests. Published elsewhere for sigma 10, 50, 200: 1.2x, "
          "3.5x, 8.2x; the bound says what the spread alone can give.",
          spread_table(rows),
          {gain_chart("Gain and bound (dashed) by spread", rows)}};
}

Section arrivals_section(const std::vector<StudyRow>& rows) {
  std::vector<std::string> charts;
  std::set<std::string> seen;
  for (const auto& row : rows) {
    const auto& arrivals = row.run->asked.arrivals;
    if (seen.insert(arrivals).second) {
      charts.push_back(latency_chart("Latency: " + arrivals, rows, arrivals));
    }
  }
  const auto& asked = rows.front().run->asked;
  return {
      "Latency as requests come: " + asked.list->name + ", batch " + std::to_string(asked.batch),
      "Percentages are of what a batch that is always full would end. The expected load of the "
      "batch's slots is arrivals a second · steps of a request · time "
      "of a step / batch: with the mean length for continuous batching, with the longest for "
      "static. Beyond 1 the queue grows without end. A static engine's tokens are sent as they "
      "come; one that answers when the batch has ended is slower still.",
      arrivals_table(rows), std::move(charts)};
}

Section policies_section(const std::vector<StudyRow>& rows) {
  const auto& asked = rows.front().run->asked;
  std::string text = asked.list->name + ", batch " + std::to_string(asked.batch) + ", " +
                     asked.arrivals + "; one in ten is urgent. ";
  for (const auto& row : rows) {
    text += name_of(row) + ": " + std::string(row.run->asked.policy->meaning) + ". ";
  }
  text += "Those under which a request can lose its seat keep its blocks in the prefix cache. ";
  return {"Policies on one stream",
          text + "Speculation is no policy of this engine yet.",
          policies_table(rows),
          {latency_chart("Latency by policy", rows, "")}};
}

Section prefixes_section(const std::vector<StudyRow>& rows) {
  return {"Equal beginnings shared",
          "All requests present at once, batch 32, one cache of the device's whole memory.",
          prefixes_table(rows),
          {}};
}

}  // namespace

std::optional<double> StudyRow::share_of_bound() const {
  if (!gain || !counts_steps(run->asked.part) || bound.gain() <= 0) {
    return std::nullopt;
  }
  return *gain / bound.gain();
}

std::vector<StudyRow> rows_of(const std::vector<StudyRun>& runs, StudyPart part) {
  std::vector<StudyRow> rows;
  std::map<std::tuple<std::string, std::string, std::int32_t>, const StudyRun*> baselines;
  for (const auto& run : runs) {
    if (run.asked.part == part) {
      rows.push_back({&run, bound_of(*run.asked.list, run.asked.batch), std::nullopt});
      if (run.asked.policy->name == "static") {
        baselines[place_of(run)] = &run;
      }
    }
  }
  for (auto& row : rows) {
    const auto seconds = row.run->figures.seconds;
    if (row.run->asked.rate > 0 || seconds <= 0) {
      continue;
    }
    if (counts_steps(part)) {
      row.gain = static_cast<double>(row.bound.static_steps) * unit_seconds() / seconds;
    } else if (const auto found = baselines.find(place_of(*row.run)); found != baselines.end()) {
      row.gain = found->second->figures.seconds / seconds;
    }
  }
  std::ranges::stable_sort(rows, {}, [](const StudyRow& row) {
    const auto& asked = row.run->asked;
    return std::tuple(asked.list->name, asked.rate, asked.arrivals, asked.batch,
                      order_of(asked.policy));
  });
  return rows;
}

std::vector<Section> sections_of(const std::vector<StudyRun>& runs, StudyTimes times) {
  using Make = Section (*)(const std::vector<StudyRow>&);
  const Make in_time = times == StudyTimes::modelled ? modelled_section : measured_section;
  const std::pair<StudyPart, Make> parts[] = {
      {StudyPart::gain, gain_section},         {StudyPart::modelled, in_time},
      {StudyPart::spread, spread_section},     {StudyPart::arrivals, arrivals_section},
      {StudyPart::policies, policies_section}, {StudyPart::prefixes, prefixes_section}};
  std::vector<Section> sections;
  for (const auto& [part, make] : parts) {
    if (const auto rows = rows_of(runs, part); !rows.empty()) {
      sections.push_back(make(rows));
    }
  }
  return sections;
}

}  // namespace troupe::simulation
