// The study on a real device: lists through a whole engine in this process, actors and all.
#pragma once

#include "cli/assembly.h"
#include "engine/base/result.h"
#include "engine/simulation/study.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace troupe::cli {

struct MeasuredCase {
  std::shared_ptr<const simulation::Workload> list;
  const simulation::StudyPolicy* policy = nullptr;
  std::int32_t batch = 1;
};

/// One list, all at once, under one policy. Static batches are padded: each member has a prompt and
/// an output as long as the longest of its batch, and only what was asked for counts. Every step
/// holds as many prompts as there are. Gives the run twice: with its steps at equal cost
/// (`StudyPart::gain`) and in measured time (`StudyPart::modelled`). Errors: those of `assemble`
/// and of a request that failed.
[[nodiscard]] Result<std::vector<simulation::StudyRun>> measure_case(const AssemblyOptions& device,
                                                                     const MeasuredCase& one);

}  // namespace troupe::cli
