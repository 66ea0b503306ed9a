#include "cli/study_lists.h"

#include "engine/simulation/published_lists.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;
using simulation::PublishedList;
using simulation::Workload;

std::string names_of_all() {
  std::string names;
  for (const auto& list : simulation::published_lists()) {
    names += (names.empty() ? "" : ", ") + std::string(list.name);
  }
  return names;
}

const PublishedList* find_published(const std::string& name) {
  const auto& all = simulation::published_lists();
  const auto found = std::ranges::find(all, name, &PublishedList::name);
  return found == all.end() ? nullptr : &*found;
}

fs::path file_of(const StudyListOptions& options, const PublishedList& list) {
  return fs::path(options.data_directory) / (std::string(list.name) + ".csv");
}

bool is_file(const fs::path& file) {
  std::error_code problem;
  return fs::is_regular_file(file, problem);
}

Result<Workload> read(const fs::path& file) {
  auto list = simulation::load_workload(file);
  if (list && list->requests.empty()) {
    return fail(ErrorCode::invalid_value, file.string() + " has no requests");
  }
  return list;
}

Result<Workload> find_list(const StudyListOptions& options, const std::string& name) {
  if (is_file(name)) {
    return read(name);
  }
  const auto* published = find_published(name);
  if (published == nullptr) {
    return fail(ErrorCode::not_found,
                "there is no list " + name + ": neither a file nor one of " + names_of_all());
  }
  if (!options.data_directory.empty() && is_file(file_of(options, *published))) {
    return read(file_of(options, *published));
  }
  return imitate(*published, options.seed);
}

Result<std::vector<Workload>> lists_of_directory(const StudyListOptions& options) {
  std::vector<Workload> lists;
  for (const auto& published : simulation::published_lists()) {
    const auto file = file_of(options, published);
    if (!is_file(file)) {
      continue;
    }
    auto list = read(file);
    if (!list) {
      return pass(std::move(list));
    }
    lists.push_back(std::move(*list));
  }
  if (lists.empty()) {
    return fail(ErrorCode::not_found, options.data_directory + " has none of the lists " +
                                          names_of_all() +
                                          " (as NAME.csv); without --data, lists like them are "
                                          "made up");
  }
  return lists;
}

/// At most `most` for the longest, at least 1 for anybody.
std::int32_t scaled(std::int32_t length, std::int32_t longest, std::int32_t most) {
  if (longest <= most) {
    return length;
  }
  const auto shorter = static_cast<double>(length) * most / longest;
  return static_cast<std::int32_t>(std::max(1.0, std::floor(shorter)));
}

}  // namespace

Result<std::vector<Workload>> study_lists(const StudyListOptions& options) {
  std::vector<Workload> lists;
  for (const auto& name : options.files) {
    auto list = find_list(options, name);
    if (!list) {
      return pass(std::move(list));
    }
    lists.push_back(std::move(*list));
  }
  if (!lists.empty()) {
    return lists;
  }
  if (!options.data_directory.empty()) {
    return lists_of_directory(options);
  }
  for (const auto& published : simulation::published_lists()) {
    lists.push_back(imitate(published, options.seed));
  }
  return lists;
}

Workload shrink(Workload list, std::size_t max_requests, std::int32_t max_tokens) {
  list = first_of(std::move(list), max_requests);
  std::int32_t longest_prompt = 1;
  std::int32_t longest_output = 1;
  for (const auto& request : list.requests) {
    longest_prompt = std::max(longest_prompt, request.num_prompt_tokens);
    longest_output = std::max(longest_output, request.num_output_tokens);
  }
  const auto half = std::max(1, max_tokens / 2);
  for (auto& request : list.requests) {
    request.num_prompt_tokens = scaled(request.num_prompt_tokens, longest_prompt, half);
    request.num_output_tokens = scaled(request.num_output_tokens, longest_output, half);
    request.prefix_blocks.clear();
  }
  list.prefix_block_tokens = 0;
  list.origin += ", within " + std::to_string(max_tokens) + " tokens";
  return list;
}

}  // namespace troupe::cli
