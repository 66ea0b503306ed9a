#include "transport/http_metrics.h"

#include "transport/json_writer.h"

namespace troupe::transport {

void HttpMetrics::count(std::string_view handler,
                        std::string_view method,
                        std::int32_t status,
                        Duration duration) {
  ++requests_[{handler, method, status}];
  auto& histogram = durations_[handler];
  const auto seconds = in_seconds(duration);
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    histogram.at_most.at(i) += seconds <= kBounds.at(i) ? 1U : 0U;
  }
  ++histogram.count;
  histogram.sum_seconds += seconds;
}

void HttpMetrics::append_text(std::string& out) const {
  out +=
      "# HELP http_requests_total Answered HTTP requests.\n"
      "# TYPE http_requests_total counter\n";
  for (const auto& [labels, count] : requests_) {
    const auto& [handler, method, status] = labels;
    out.append("http_requests_total{handler=\"").append(handler);
    out.append("\",method=\"").append(method);
    out.append("\",status=\"").append(std::to_string(status));
    out.append("\"} ").append(std::to_string(count)).append("\n");
  }
  out +=
      "# HELP http_request_duration_seconds From the head of a request to its last byte.\n"
      "# TYPE http_request_duration_seconds histogram\n";
  for (const auto& [handler, histogram] : durations_) {
    const auto label = "{handler=\"" + std::string(handler) + "\"";
    for (std::size_t i = 0; i < kBounds.size(); ++i) {
      out.append("http_request_duration_seconds_bucket").append(label).append(",le=\"");
      append_json_number(out, kBounds.at(i));
      out.append("\"} ").append(std::to_string(histogram.at_most.at(i))).append("\n");
    }
    const auto total = std::to_string(histogram.count);
    out.append("http_request_duration_seconds_bucket").append(label).append(",le=\"+Inf\"} ");
    out.append(total).append("\n");
    out.append("http_request_duration_seconds_sum").append(label).append("} ");
    append_json_number(out, histogram.sum_seconds);
    out.append("\nhttp_request_duration_seconds_count").append(label).append("} ");
    out.append(total).append("\n");
  }
}

}  // namespace troupe::transport
