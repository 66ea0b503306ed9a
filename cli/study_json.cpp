#include "cli/study_json.h"

#include "transport/json_writer.h"

#include <string_view>
#include <utility>

namespace troupe::cli {
namespace {

using simulation::Percentiles;
using simulation::StudyPart;
using simulation::StudyRow;
using transport::JsonWriter;

void write_percentiles(JsonWriter& json, std::string_view name, const Percentiles& seconds) {
  json.key(name).begin_object();
  json.member("p50", seconds.p50).member("p90", seconds.p90);
  json.member("p95", seconds.p95).member("p99", seconds.p99).end_object();
}

void write_figures(JsonWriter& json, const StudyRow& row) {
  const auto& figures = row.run->figures;
  json.member("finished", figures.num_finished)
      .member("refused", figures.num_refused)
      .member("steps", figures.num_steps)
      .member("seconds", figures.seconds)
      .member("requests_per_s", figures.requests_per_second)
      .member("output_tokens_per_s", figures.output_tokens_per_second);
  write_percentiles(json, "latency_s", figures.latency);
  write_percentiles(json, "ttft_s", figures.first_token);
  write_percentiles(json, "itl_s", figures.inter_token);
  json.member("mean_queueing_s", figures.mean_queueing)
      .member("occupancy", figures.occupancy)
      .member("occupancy_while_queued", figures.full_occupancy)
      .member("device_busy_share", figures.busy_share)
      .member("kv_used_bytes", figures.kv.used)
      .member("kv_reserved_bytes", figures.kv.reserved)
      .member("kv_peak_bytes", figures.kv.peak)
      .member("kv_wasted_bytes", figures.kv.wasted)
      .member("kv_padding_bytes", row.run->padding_bytes)
      .member("kv_expected_padding_bytes", row.run->expected_padding_bytes)
      .member("urgent_ttft_p99_s", row.run->urgent_first_token)
      .member("cached_share", figures.cached_share)
      .member("preemptions", figures.num_preemptions)
      .member("swapped_blocks", figures.num_swapped_blocks)
      .member("discarded_rows", figures.num_discarded_rows);
}

void write_row(JsonWriter& json, const StudyRow& row) {
  const auto& asked = row.run->asked;
  json.begin_object()
      .member("policy", std::string(asked.policy->name))
      .member("list", asked.list->name)
      .member("arrivals", asked.arrivals)
      .member("requests", static_cast<std::int64_t>(asked.list->requests.size()))
      .member("batch", asked.batch);
  if (row.gain) {
    json.member("gain", *row.gain);
  }
  if (const auto share = row.share_of_bound()) {
    json.member("bound", row.bound.gain())
        .member("share_of_bound", *share)
        .member("bound_of_any_order", row.bound.gain_of_any_order())
        .member("static_idle_share", row.bound.idle_share);
  }
  write_figures(json, row);
  json.end_object();
}

}  // namespace

std::string to_json(const StudyHeader& header, const std::vector<simulation::StudyRun>& runs) {
  constexpr std::pair<StudyPart, const char*> kParts[] = {
      {StudyPart::gain, "rows"},         {StudyPart::modelled, "in_time"},
      {StudyPart::spread, "spread"},     {StudyPart::arrivals, "arrivals"},
      {StudyPart::policies, "policies"}, {StudyPart::prefixes, "prefixes"}};
  std::string text;
  JsonWriter json(text);
  json.begin_object()
      .member("machine", header.machine)
      .member("device", header.device)
      .member("calibration", header.calibration)
      .member("seed", header.seed);
  for (const auto& [part, name] : kParts) {
    json.key(name).begin_array();
    for (const auto& row : rows_of(runs, part)) {
      write_row(json, row);
    }
    json.end_array();
  }
  json.end_object();
  return text + "\n";
}

}  // namespace troupe::cli
