#include "kernels/cuda/matmul.h"

#include "kernels/cuda/skinny_matmul.h"
#include "kernels/cuda/status.h"
#include "kernels/cuda/stream.h"

#include <cublasLt.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace troupe::cuda {
namespace {

// As many proposals as are worth the time: later ones were never the fastest.
constexpr int kMaxProposals = 8;
// Calls of one algorithm that are timed together, and how often: the host may stumble in one group,
// and the shortest counts. The first group warms up.
constexpr int kTimedCalls = 4;
constexpr int kTimedGroups = 4;

struct HandleDestroy {
  void operator()(cublasLtHandle_t handle) const { static_cast<void>(cublasLtDestroy(handle)); }
};

struct PreferenceDestroy {
  void operator()(cublasLtMatmulPreference_t preference) const {
    static_cast<void>(cublasLtMatmulPreferenceDestroy(preference));
  }
};

using Handle = std::unique_ptr<std::remove_pointer_t<cublasLtHandle_t>, HandleDestroy>;
using Preference =
    std::unique_ptr<std::remove_pointer_t<cublasLtMatmulPreference_t>, PreferenceDestroy>;

// How a product is computed: by an algorithm of cuBLASLt, or without one by skinny_matmul.
using Choice = std::optional<cublasLtMatmulAlgo_t>;

// Outputs, inputs, output format, rows: those of a bucket, or exactly.
using Key = std::tuple<std::int32_t, std::int32_t, MatmulOutput, std::uint32_t>;

// The descriptions of one product, as cuBLASLt wants them: column-major, so y^T = weight x^T.
struct Descriptions {
  cublasLtMatmulDescOpaque_t operation{};
  cublasLtMatrixLayoutOpaque_t weight{};
  cublasLtMatrixLayoutOpaque_t x{};
  cublasLtMatrixLayoutOpaque_t y{};
};

std::uint32_t bucket_of(std::int32_t num_rows) {
  return std::bit_ceil(static_cast<std::uint32_t>(num_rows));
}

Key key_of_bucket(const MatmulArgs& args) {
  return {args.num_outputs, args.num_inputs, args.output, bucket_of(args.num_rows)};
}

Key key_of(const MatmulArgs& args) {
  return {args.num_outputs, args.num_inputs, args.output,
          static_cast<std::uint32_t>(args.num_rows)};
}

Result<void> describe(Descriptions& to, const MatmulArgs& args) {
  const auto n = static_cast<std::uint64_t>(args.num_outputs);
  const auto k = static_cast<std::uint64_t>(args.num_inputs);
  const auto m = static_cast<std::uint64_t>(args.num_rows);
  const auto y_type = args.output == MatmulOutput::float32 ? CUDA_R_32F : CUDA_R_16BF;
  const cublasOperation_t transposed = CUBLAS_OP_T;
  const cublasStatus_t statuses[] = {
      cublasLtMatmulDescInit(&to.operation, CUBLAS_COMPUTE_32F, CUDA_R_32F),
      cublasLtMatmulDescSetAttribute(&to.operation, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                                     sizeof transposed),
      cublasLtMatrixLayoutInit(&to.weight, CUDA_R_16BF, k, n, static_cast<std::int64_t>(k)),
      cublasLtMatrixLayoutInit(&to.x, CUDA_R_16BF, k, m, static_cast<std::int64_t>(k)),
      cublasLtMatrixLayoutInit(&to.y, y_type, n, m, static_cast<std::int64_t>(n)),
  };
  for (const auto status : statuses) {
    if (auto described = check(status, "cublasLt descriptions"); !described) {
      return described;
    }
  }
  return {};
}

// Whether the algorithm sums over k in one go; what does not say so is not taken.
bool sums_in_one_go(const cublasLtMatmulHeuristicResult_t& proposal) {
  std::int32_t split = 0;
  std::uint32_t reduction = 0;
  const auto asked_split = cublasLtMatmulAlgoConfigGetAttribute(
      &proposal.algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &split, sizeof split, nullptr);
  const auto asked_reduction = cublasLtMatmulAlgoConfigGetAttribute(
      &proposal.algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &reduction, sizeof reduction, nullptr);
  return proposal.state == CUBLAS_STATUS_SUCCESS && proposal.workspaceSize == 0 &&
         asked_split == CUBLAS_STATUS_SUCCESS && split <= 1 &&
         asked_reduction == CUBLAS_STATUS_SUCCESS && reduction == CUBLASLT_REDUCTION_SCHEME_NONE;
}

}  // namespace

struct Matmul::State {
  Handle handle;
  Preference preference;
  std::map<Key, Choice> measured;  // by bucket
  // By exact number of rows: asking cuBLASLt takes longer than most products.
  std::map<Key, Choice> resolved;

  Result<Choice> resolve(Descriptions& descriptions, const MatmulArgs& args);
  Result<std::vector<cublasLtMatmulAlgo_t>> proposals(Descriptions& descriptions,
                                                      const MatmulArgs& args);
  Result<void> launch(Descriptions& descriptions,
                      const MatmulArgs& args,
                      const Choice& choice,
                      cudaStream_t stream);
  Result<float> measure(const MatmulTrial& trial,
                        std::int32_t num_rows,
                        const Choice& choice,
                        cudaStream_t stream);
  Result<void> choose(const MatmulTrial& trial, std::int32_t num_rows, cudaStream_t stream);
};

Result<std::vector<cublasLtMatmulAlgo_t>> Matmul::State::proposals(Descriptions& descriptions,
                                                                   const MatmulArgs& args) {
  cublasLtMatmulHeuristicResult_t results[kMaxProposals] = {};
  int num_results = 0;
  const auto status = cublasLtMatmulAlgoGetHeuristic(
      handle.get(), &descriptions.operation, &descriptions.weight, &descriptions.x, &descriptions.y,
      &descriptions.y, preference.get(), kMaxProposals, results, &num_results);
  std::vector<cublasLtMatmulAlgo_t> found;
  for (int index = 0; status == CUBLAS_STATUS_SUCCESS && index < num_results; ++index) {
    if (sums_in_one_go(results[index])) {
      found.push_back(results[index].algo);
    }
  }
  if (found.empty()) {
    return fail(ErrorCode::unsupported, "cuBLASLt has no batch-invariant algorithm for " +
                                            std::to_string(args.num_rows) + " rows, " +
                                            std::to_string(args.num_outputs) + " outputs, " +
                                            std::to_string(args.num_inputs) + " inputs");
  }
  return found;
}

Result<void> Matmul::State::launch(Descriptions& descriptions,
                                   const MatmulArgs& args,
                                   const Choice& choice,
                                   cudaStream_t stream) {
  if (!choice) {
    return skinny_matmul(args, stream);
  }
  const float one = 1.0F;
  const float zero = 0.0F;
  return check(
      cublasLtMatmul(handle.get(), &descriptions.operation, &one, args.weight, &descriptions.weight,
                     args.x, &descriptions.x, &zero, args.y, &descriptions.y, args.y,
                     &descriptions.y, &*choice, nullptr, 0, stream),
      "cublasLtMatmul");
}

Result<float> Matmul::State::measure(const MatmulTrial& trial,
                                     std::int32_t num_rows,
                                     const Choice& choice,
                                     cudaStream_t stream) {
  auto begin = make_event();
  auto end = make_event();
  if (!begin || !end) {
    return fail(ErrorCode::device, "no event to time a matmul with");
  }
  auto args = trial.args;
  args.num_rows = num_rows;
  Descriptions descriptions;
  if (auto described = describe(descriptions, args); !described) {
    return pass(std::move(described));
  }
  auto shortest = std::numeric_limits<float>::max();
  std::size_t next_weight = 0;
  for (int group = 0; group <= kTimedGroups; ++group) {
    static_cast<void>(cudaEventRecord(begin->get(), stream));
    for (int call = 0; call < kTimedCalls; ++call) {
      args.weight = trial.weights[next_weight++ % trial.weights.size()];
      if (auto launched = launch(descriptions, args, choice, stream); !launched) {
        return pass(std::move(launched));
      }
    }
    static_cast<void>(cudaEventRecord(end->get(), stream));
    if (auto waited = check(cudaEventSynchronize(end->get()), "cudaEventSynchronize"); !waited) {
      return pass(std::move(waited));
    }
    auto time = elapsed_ms(*begin, *end);
    if (!time) {
      return time;
    }
    shortest = group == 0 ? shortest : std::min(shortest, *time);
  }
  return shortest;
}

Result<void> Matmul::State::choose(const MatmulTrial& trial,
                                   std::int32_t num_rows,
                                   cudaStream_t stream) {
  auto args = trial.args;
  args.num_rows = num_rows;
  Descriptions descriptions;
  if (auto described = describe(descriptions, args); !described) {
    return described;
  }
  auto proposed = proposals(descriptions, args);
  if (!proposed) {
    return pass(std::move(proposed));
  }
  std::vector<Choice> candidates(proposed->begin(), proposed->end());
  if (is_skinny(args)) {
    candidates.emplace_back();
  }
  auto fastest = std::numeric_limits<float>::max();
  for (const auto& candidate : candidates) {
    const auto time = measure(trial, num_rows, candidate, stream);
    if (!time) {
      return tl::unexpected(time.error());
    }
    if (*time < fastest) {
      fastest = *time;
      measured[key_of_bucket(args)] = candidate;
      resolved[key_of(args)] = candidate;
    }
  }
  return {};
}

Result<Choice> Matmul::State::resolve(Descriptions& descriptions, const MatmulArgs& args) {
  const auto known = resolved.find(key_of(args));
  if (known != resolved.end()) {
    return known->second;
  }
  const auto near = measured.find(key_of_bucket(args));
  if (near != measured.end() && !near->second && is_skinny(args)) {
    return resolved[key_of(args)] = near->second;
  }
  if (near != measured.end() && near->second) {
    cublasLtMatmulHeuristicResult_t fit = {};
    const auto status = cublasLtMatmulAlgoCheck(
        handle.get(), &descriptions.operation, &descriptions.weight, &descriptions.x,
        &descriptions.y, &descriptions.y, &*near->second, &fit);
    if (status == CUBLAS_STATUS_SUCCESS && fit.workspaceSize == 0) {
      return resolved[key_of(args)] = near->second;
    }
  }
  const auto candidates = proposals(descriptions, args);
  if (!candidates) {
    return tl::unexpected(candidates.error());
  }
  return resolved[key_of(args)] = candidates->front();
}

Matmul::Matmul(std::unique_ptr<State> state) : state_(std::move(state)) {}

Matmul::Matmul(Matmul&&) noexcept = default;
Matmul& Matmul::operator=(Matmul&&) noexcept = default;
Matmul::~Matmul() = default;

Result<Matmul> Matmul::make() {
  auto state = std::make_unique<State>();
  cublasLtHandle_t handle = nullptr;
  if (auto made = check(cublasLtCreate(&handle), "cublasLtCreate"); !made) {
    return pass(std::move(made));
  }
  state->handle.reset(handle);
  cublasLtMatmulPreference_t preference = nullptr;
  if (auto made = check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreference");
      !made) {
    return pass(std::move(made));
  }
  state->preference.reset(preference);
  const std::uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_NONE;
  const std::uint64_t workspace = 0;
  const cublasStatus_t statuses[] = {
      cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                                           &reduction, sizeof reduction),
      cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                           &workspace, sizeof workspace),
  };
  for (const auto status : statuses) {
    if (auto set = check(status, "cublasLtMatmulPreferenceSetAttribute"); !set) {
      return pass(std::move(set));
    }
  }
  return Matmul(std::move(state));
}

Result<void> Matmul::prepare(const MatmulTrial& trial, cudaStream_t stream) {
  const auto most = trial.args.num_rows;
  for (std::int32_t num_rows = 1; num_rows < most; num_rows *= 2) {
    if (auto chosen = state_->choose(trial, num_rows, stream); !chosen) {
      return chosen;
    }
  }
  return state_->choose(trial, most, stream);
}

Result<void> Matmul::run(const MatmulArgs& args, cudaStream_t stream) {
  if (args.num_rows == 0) {
    return {};
  }
  Descriptions descriptions;
  if (auto described = describe(descriptions, args); !described) {
    return described;
  }
  const auto choice = state_->resolve(descriptions, args);
  if (!choice) {
    return tl::unexpected(choice.error());
  }
  return state_->launch(descriptions, args, *choice, stream);
}

}  // namespace troupe::cuda
