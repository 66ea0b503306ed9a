// A list of requests as values: what a simulation, a study or a benchmark is run on. Lengths and
// arrivals only, and which requests begin alike; no text.
#pragma once

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/base/time.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::simulation {

struct WorkloadRequest {
  Duration arrival{};  // since the beginning of the list
  std::int32_t num_prompt_tokens = 0;
  std::int32_t num_output_tokens = 0;  // exactly so many are generated
  std::int32_t priority = 0;           // higher first
  std::int32_t tenant = 0;
  /// Names of the prompt's blocks of `Workload::prefix_block_tokens` tokens, from its beginning.
  /// Two prompts whose first n names are equal begin with the same n blocks. May be empty.
  std::vector<std::int64_t> prefix_blocks;
};

struct Workload {
  std::string name;
  std::string origin;                     // the file, or the generator with its parameters
  std::int32_t prefix_block_tokens = 0;   // 0: no request names blocks
  std::vector<WorkloadRequest> requests;  // by arrival
};

/// Reads a list in CSV: a heading, then `arrival_s,prompt_tokens,output_tokens` and, where the
/// heading has a fourth column `prefix_hash_ids`, names of blocks with spaces between. Columns may
/// stand in any order. The tokens of a block are not in the file: they are the power of two that
/// fits the number of names to the prompt's length in every row, be it rounded up or down.
/// Sorted by arrival. Errors: `invalid_value` with `name`, line and what was wrong.
[[nodiscard]] Result<Workload> parse_workload(std::string_view csv, const std::string& name);

/// `parse_workload` of a file, under the file's name without folder and ending. Errors: `not_found`
/// for a file that cannot be read, and those of `parse_workload`.
[[nodiscard]] Result<Workload> load_workload(const std::filesystem::path& file);

/// The prompt of one request as tokens below `vocab_size`: equal where the names of its blocks are
/// equal to another's, and different from everybody's elsewhere. A pure function of its arguments.
[[nodiscard]] std::vector<TokenId> prompt_tokens(const Workload& workload,
                                                 std::size_t index,
                                                 std::int32_t vocab_size);

/// The same for a request that stands in no list: `prefix_block_tokens` of each named block, and
/// behind them tokens that only `number` has.
[[nodiscard]] std::vector<TokenId> prompt_tokens(const WorkloadRequest& request,
                                                 std::int32_t prefix_block_tokens,
                                                 std::uint64_t number,
                                                 std::int32_t vocab_size);

/// The first `count` requests.
[[nodiscard]] Workload first_of(Workload workload, std::size_t count);

/// The output lengths in the order of arrival.
[[nodiscard]] std::vector<std::int32_t> output_lengths(const Workload& workload);

struct LengthSummary {
  double mean = 0;
  double sigma = 0;
  std::int32_t longest = 0;
  std::int64_t sum = 0;
};

/// All zero for no lengths.
[[nodiscard]] LengthSummary summarise(const std::vector<std::int32_t>& lengths);

}  // namespace troupe::simulation
