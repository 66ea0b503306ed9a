// The study on a modelled device: its cases on all cores of this machine.
#pragma once

#include "engine/simulation/study.h"

#include <vector>

namespace troupe::cli {

/// Runs all cases, in no stated order, and shows on a terminal how far it is. The runs come back in
/// the order of the cases.
[[nodiscard]] std::vector<simulation::StudyRun> run_cases(
    const std::vector<simulation::StudyCase>& cases, const simulation::StudyDevice& device);

}  // namespace troupe::cli
