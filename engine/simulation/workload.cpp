#include "engine/simulation/workload.h"

#include "engine/base/random.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <numeric>
#include <optional>
#include <utility>

namespace troupe::simulation {
namespace {

constexpr std::size_t kMaxRequests = 10'000'000;
constexpr std::int32_t kMaxTokens = 10'000'000;  // of a prompt or an output
constexpr double kMaxArrivalSeconds = 1e9;
constexpr std::int32_t kMaxPrefixBlockTokens = 1 << 16;

/// What stands before the next `separator`, which is taken off `text` as well.
std::string_view take_until(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const auto part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

std::string_view without_return(std::string_view line) {
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  return line;
}

template <class Number>
std::optional<Number> read_number(std::string_view text) {
  Number number{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

enum class Column : std::uint8_t { arrival, prompt, output, prefix, other };

Column column_of(std::string_view heading) {
  if (heading == "arrival_s") {
    return Column::arrival;
  }
  if (heading == "prompt_tokens") {
    return Column::prompt;
  }
  if (heading == "output_tokens") {
    return Column::output;
  }
  return heading == "prefix_hash_ids" ? Column::prefix : Column::other;
}

std::vector<Column> read_heading(std::string_view line) {
  std::vector<Column> columns;
  while (!line.empty()) {
    columns.push_back(column_of(take_until(line, ',')));
  }
  return columns;
}

bool has(const std::vector<Column>& columns, Column column) {
  return std::ranges::find(columns, column) != columns.end();
}

/// A field of one line: gives what is wrong with it, or nothing.
std::string take_field(Column column, std::string_view text, WorkloadRequest& request) {
  const auto quoted = "'" + std::string(text.substr(0, 40)) + "'";
  if (column == Column::arrival) {
    const auto seconds = read_number<double>(text);
    if (!seconds || !(*seconds >= 0) || *seconds > kMaxArrivalSeconds) {
      return "arrival_s is " + quoted + ", it must be seconds from 0 to 1e9";
    }
    request.arrival = Duration(std::llround(*seconds * 1e9));
  } else if (column == Column::prompt || column == Column::output) {
    const auto tokens = read_number<std::int32_t>(text);
    const auto* name = column == Column::prompt ? "prompt_tokens" : "output_tokens";
    if (!tokens || *tokens < 1 || *tokens > kMaxTokens) {
      return name + (" is " + quoted) + ", it must be a whole number from 1 to " +
             std::to_string(kMaxTokens);
    }
    (column == Column::prompt ? request.num_prompt_tokens : request.num_output_tokens) = *tokens;
  } else if (column == Column::prefix) {
    while (!text.empty()) {
      const auto id = read_number<std::int64_t>(take_until(text, ' '));
      if (!id) {
        return "prefix_hash_ids is " + quoted + ", it must be whole numbers with spaces between";
      }
      request.prefix_blocks.push_back(*id);
    }
  }
  return {};
}

std::string take_line(const std::vector<Column>& columns,
                      std::string_view line,
                      WorkloadRequest& request) {
  const auto num_fields = static_cast<std::size_t>(std::ranges::count(line, ',')) + 1;
  if (num_fields != columns.size()) {
    return std::to_string(num_fields) + " fields, the heading has " +
           std::to_string(columns.size());
  }
  for (const auto column : columns) {
    if (auto problem = take_field(column, take_until(line, ','), request); !problem.empty()) {
      return problem;
    }
  }
  return {};
}

bool fits(const WorkloadRequest& request, std::int32_t block_tokens) {
  const auto num_names = std::ssize(request.prefix_blocks);
  const auto whole = request.num_prompt_tokens / block_tokens;
  const auto begun = (request.num_prompt_tokens + block_tokens - 1) / block_tokens;
  return num_names == 0 || num_names == whole || num_names == begun;
}

std::optional<std::int32_t> infer_block_tokens(const std::vector<WorkloadRequest>& requests) {
  for (std::int32_t tokens = 1; tokens <= kMaxPrefixBlockTokens; tokens *= 2) {
    if (std::ranges::all_of(requests, [&](const auto& request) { return fits(request, tokens); })) {
      return tokens;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<Workload> parse_workload(std::string_view csv, const std::string& name) {
  Workload workload;
  workload.name = name;
  workload.origin = "list " + name;
  const auto columns = read_heading(without_return(take_until(csv, '\n')));
  for (const auto column : {Column::arrival, Column::prompt, Column::output}) {
    if (!has(columns, column)) {
      return fail(ErrorCode::invalid_value,
                  name + ":1: the heading must have arrival_s, prompt_tokens and output_tokens");
    }
  }
  for (std::size_t number = 2; !csv.empty(); ++number) {
    const auto line = without_return(take_until(csv, '\n'));
    if (line.empty()) {
      continue;
    }
    WorkloadRequest request;
    auto problem = take_line(columns, line, request);
    if (problem.empty() && workload.requests.size() == kMaxRequests) {
      problem = "more than " + std::to_string(kMaxRequests) + " requests";
    }
    if (!problem.empty()) {
      return fail(ErrorCode::invalid_value, name + ":" + std::to_string(number) + ": " + problem);
    }
    workload.requests.push_back(std::move(request));
  }
  if (has(columns, Column::prefix)) {
    const auto tokens = infer_block_tokens(workload.requests);
    if (!tokens) {
      return fail(ErrorCode::invalid_value,
                  name + ": prefix_hash_ids fit no block of 1, 2, 4 … 65536 tokens");
    }
    workload.prefix_block_tokens = *tokens;
  }
  std::ranges::stable_sort(workload.requests, {}, &WorkloadRequest::arrival);
  return workload;
}

Result<Workload> load_workload(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return fail(ErrorCode::not_found, "cannot read the list " + file.string());
  }
  const std::string text((std::istreambuf_iterator<char>(stream)), {});
  if (stream.bad()) {
    return fail(ErrorCode::not_found, "cannot read the list " + file.string());
  }
  auto workload = parse_workload(text, file.string());
  if (workload) {
    workload->name = file.stem().string();
    workload->origin = "list " + file.filename().string();
  }
  return workload;
}

std::vector<TokenId> prompt_tokens(const Workload& workload,
                                   std::size_t index,
                                   std::int32_t vocab_size) {
  return prompt_tokens(workload.requests[index], workload.prefix_block_tokens, index, vocab_size);
}

std::vector<TokenId> prompt_tokens(const WorkloadRequest& request,
                                   std::int32_t prefix_block_tokens,
                                   std::uint64_t number,
                                   std::int32_t vocab_size) {
  constexpr std::uint64_t kNamed = 1;
  constexpr std::uint64_t kOwn = 2;
  const auto own = random_bits(kOwn, number);
  std::vector<TokenId> tokens;
  tokens.reserve(static_cast<std::size_t>(request.num_prompt_tokens));
  auto left = request.num_prompt_tokens;
  const auto append = [&](std::uint64_t stream, std::int32_t count) {
    for (std::int32_t place = 0; place < count; ++place) {
      const auto bits = mix(stream + static_cast<std::uint64_t>(place));
      tokens.push_back(static_cast<TokenId>(bits % static_cast<std::uint64_t>(vocab_size)));
    }
    left -= count;
  };
  for (const auto name : request.prefix_blocks) {
    append(random_bits(kNamed, static_cast<std::uint64_t>(name)),
           std::min(left, prefix_block_tokens));
  }
  append(own, left);
  return tokens;
}

Workload first_of(Workload workload, std::size_t count) {
  if (workload.requests.size() > count) {
    workload.requests.resize(count);
    workload.origin += ", first " + std::to_string(count);
  }
  return workload;
}

std::vector<std::int32_t> output_lengths(const Workload& workload) {
  std::vector<std::int32_t> lengths;
  lengths.reserve(workload.requests.size());
  for (const auto& request : workload.requests) {
    lengths.push_back(request.num_output_tokens);
  }
  return lengths;
}

LengthSummary summarise(const std::vector<std::int32_t>& lengths) {
  LengthSummary summary;
  if (lengths.empty()) {
    return summary;
  }
  const auto count = static_cast<double>(lengths.size());
  summary.sum = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
  summary.longest = std::ranges::max(lengths);
  summary.mean = static_cast<double>(summary.sum) / count;
  double squares = 0;
  for (const auto length : lengths) {
    squares += (length - summary.mean) * (length - summary.mean);
  }
  summary.sigma = std::sqrt(squares / count);
  return summary;
}

}  // namespace troupe::simulation
