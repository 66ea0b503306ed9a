// The study's figures as JSON.
#pragma once

#include "engine/simulation/study_tables.h"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::cli {

struct StudyHeader {
  std::string machine;      // that ran the study
  std::string device;       // that the times are of
  std::string calibration;  // the file's name; empty: times were measured
  std::uint64_t seed = 0;
};

/// `rows` holds the gains at equal step cost, one for each policy, list and batch; the other parts
/// of the study stand under their names.
[[nodiscard]] std::string to_json(const StudyHeader& header,
                                  const std::vector<simulation::StudyRun>& runs);

}  // namespace troupe::cli
