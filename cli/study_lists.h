// The request lists of a study: recorded ones where they are, lists like them where they are not.
#pragma once

#include "engine/base/result.h"
#include "engine/simulation/workload.h"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::cli {

struct StudyListOptions {
  std::string data_directory;      // of the recorded traces; empty: there is none
  std::vector<std::string> files;  // lists of the user's own, or names of lists; empty: all
  std::uint64_t seed = 0;          // of the lists that are made up
};

/// With `files`: each of them, read as a list or, without such a file, the one of that name. With
/// a directory: its files under the names of the known lists. Otherwise lists that are like them.
/// Errors: `not_found` for a directory without any of them, or a name that nobody knows; those of
/// `load_workload`; `invalid_value` for a list without requests.
[[nodiscard]] Result<std::vector<simulation::Workload>> study_lists(
    const StudyListOptions& options);

/// The first `max_requests` of a list, prompts and outputs each shortened in proportion so that
/// the longest of both fit into `max_tokens` together. Nothing is made longer.
[[nodiscard]] simulation::Workload shrink(simulation::Workload list,
                                          std::size_t max_requests,
                                          std::int32_t max_tokens);

}  // namespace troupe::cli
