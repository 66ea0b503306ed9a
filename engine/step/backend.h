// The port through which a worker computes. A device implements it under kernels/; a fake one in
// the tests of the actors.
#pragma once

#include "engine/base/result.h"
#include "engine/step/step.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace troupe {

struct BackendDescription {
  std::string device;            // e.g. "cpu (2 threads, avx512-bf16)"
  std::int32_t num_blocks = 0;   // KV blocks it has
  std::int32_t block_size = 16;  // tokens a block
  std::int64_t bytes_per_block = 0;
  std::int32_t max_num_seqs = 0;            // seats
  std::int32_t max_num_batched_tokens = 0;  // tokens of one plan
  std::int32_t vocab_size = 0;
  std::int32_t num_host_blocks = 0;  // KV blocks that fit into its part of the host's memory
  /// What moving a block to the host or back costs, and what computing it anew does. Zero: unknown.
  double host_link_bytes_per_second = 0;
  double prefill_tokens_per_second = 0;
};

/// Executes plans, first in first out. Owned and called by one worker; not thread-safe.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  [[nodiscard]] virtual const BackendDescription& description() const = 0;

  /// How many plans may be enqueued and not yet waited for. At least 2.
  [[nodiscard]] virtual std::int32_t capacity() const = 0;

  /// Hands a plan to the device and returns at once where the device can run beside the host.
  /// Checked: fewer than `capacity()` are pending. Errors: `device`.
  [[nodiscard]] virtual Result<void> enqueue(std::shared_ptr<const StepPlan> plan) = 0;

  /// Blocks until the oldest pending plan is done. Checked: one is pending. Errors: `device`.
  [[nodiscard]] virtual Result<StepResult> wait() = 0;

  /// Forgets all seats and pending plans, after the device has finished what it began. Keeps the
  /// weights. Errors: `device` when the device cannot go on and a new backend must be made.
  [[nodiscard]] virtual Result<void> begin_ring(RingNumber ring) = 0;
};

/// Makes a backend; called again when one is lost. What is dear to load (weights) is shared
/// between the calls. Called on the worker's own thread.
using BackendFactory = std::function<Result<std::unique_ptr<Backend>>()>;

}  // namespace troupe
