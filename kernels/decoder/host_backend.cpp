#include "kernels/decoder/host_backend.h"

#include "engine/base/check.h"
#include "kernels/decoder/sampler.h"
#include "kernels/decoder/seat_table.h"

#include <chrono>
#include <deque>
#include <string>
#include <utility>

namespace troupe {
namespace {

// One plan runs while the next waits: more in flight would not make the host any faster.
constexpr std::int32_t kCapacity = 2;

class HostBackend final : public Backend {
 public:
  HostBackend(std::unique_ptr<HostOperations> operations,
              BackendDescription description,
              std::int32_t num_layers)
      : operations_(std::move(operations)),
        description_(std::move(description)),
        num_layers_(num_layers),
        seats_(description_) {}

  [[nodiscard]] const BackendDescription& description() const override { return description_; }

  [[nodiscard]] std::int32_t capacity() const override { return kCapacity; }

  [[nodiscard]] Result<void> enqueue(std::shared_ptr<const StepPlan> plan) override {
    TROUPE_CHECK(plan != nullptr, "a plan is enqueued");
    TROUPE_CHECK(pending_.size() < static_cast<std::size_t>(kCapacity),
                 std::to_string(kCapacity) + " plans are pending already");
    pending_.push_back(std::move(plan));
    return {};
  }

  [[nodiscard]] Result<StepResult> wait() override {
    TROUPE_CHECK(!pending_.empty(), "no plan is pending");
    const auto plan = std::move(pending_.front());
    pending_.pop_front();
    return execute(*plan);
  }

  [[nodiscard]] Result<void> begin_ring(RingNumber /*ring*/) override {
    pending_.clear();
    seats_.clear();
    return {};
  }

 private:
  Result<StepResult> execute(const StepPlan& plan) {
    const auto begin = std::chrono::steady_clock::now();
    const auto& batch = seats_.apply(plan);
    if (const auto moves = moves_of(plan); !moves.empty()) {
      check_moves(moves, description_);
      if (auto moved = operations_->move_blocks(moves); !moved) {
        return pass(std::move(moved));
      }
    }
    StepResult result{.ring = plan.ring, .step = plan.step, .tokens = {}, .device_time = {}};
    if (batch.num_tokens() > 0) {
      if (auto done = forward(*operations_, batch, num_layers_); !done) {
        return pass(std::move(done));
      }
    }
    for (std::int32_t row = 0; row < batch.num_samples(); ++row) {
      auto sampled = sample(row, batch.sampling_seats[static_cast<std::size_t>(row)]);
      if (!sampled) {
        return pass(std::move(sampled));
      }
      result.tokens.push_back(*std::move(sampled));
    }
    result.device_time = std::chrono::steady_clock::now() - begin;
    return result;
  }

  Result<SampledToken> sample(std::int32_t row, std::int32_t seat_index) {
    const auto& seat = seats_.seat(seat_index);
    const SampledSequence sequence{
        .start = *seat.start, .position = seat.num_tokens(), .counts = seat.counts};
    auto sampled = sampler_.sample(operations_->logits_row(row), sequence);
    if (sampled) {
      seats_.append(seat_index, sampled->token);
    }
    return sampled;
  }

  std::unique_ptr<HostOperations> operations_;
  BackendDescription description_;
  std::int32_t num_layers_;
  SeatTable seats_;
  Sampler sampler_;
  std::deque<std::shared_ptr<const StepPlan>> pending_;
};

}  // namespace

std::unique_ptr<Backend> make_host_backend(std::unique_ptr<HostOperations> operations,
                                           BackendDescription description,
                                           std::int32_t num_layers) {
  return std::make_unique<HostBackend>(std::move(operations), std::move(description), num_layers);
}

}  // namespace troupe
