#include "tests/support/fake_backend.h"

#include "engine/base/check.h"
#include "engine/base/random.h"

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe {
namespace {

class FakeBackend : public Backend {
 public:
  explicit FakeBackend(FakeBackendOptions options) : options_(std::move(options)) {}

  const BackendDescription& description() const override { return options_.description; }

  std::int32_t capacity() const override { return 2; }

  Result<void> enqueue(std::shared_ptr<const StepPlan> plan) override {
    TROUPE_CHECK(pending_.size() < 2, "more plans than the device takes");
    pending_.push_back(std::move(plan));
    return {};
  }

  Result<StepResult> wait() override {
    TROUPE_CHECK(!pending_.empty(), "no plan to wait for");
    const auto plan = std::move(pending_.front());
    pending_.pop_front();
    for (const auto& taken : plan->seats_taken) {
      seats_[taken.seat] = Seat{taken.start->sequence, taken.start->tokens};
    }
    if (options_.before_step) {
      if (auto allowed = options_.before_step(*plan); !allowed) {
        return pass(std::move(allowed));
      }
    }
    StepResult result{plan->ring, plan->step, {}, Duration::zero()};
    for (const auto& row : plan->rows) {
      compute(row, result);
    }
    return result;
  }

  Result<void> begin_ring(RingNumber) override {
    pending_.clear();
    seats_.clear();
    return {};
  }

 private:
  struct Seat {
    SequenceId sequence;
    std::vector<TokenId> tokens;
  };

  void compute(const PlanRow& row, StepResult& result) {
    auto& seat = seats_.at(row.seat);
    if (std::ranges::find(seat.tokens, options_.poison) != seat.tokens.end()) {
      throw std::runtime_error("a poisonous request");
    }
    TROUPE_CHECK(row.end <= static_cast<std::int32_t>(seat.tokens.size()),
                 "a row reads a token that nobody knows");
    if (row.samples) {
      TROUPE_CHECK(row.end == static_cast<std::int32_t>(seat.tokens.size()),
                   "a row samples before the end of what is known");
      const auto token = fake_next_token(seat.tokens, options_.description.vocab_size);
      seat.tokens.push_back(token);
      result.tokens.push_back(SampledToken{seat.sequence, row.end, token, std::nullopt, {}});
    }
  }

  FakeBackendOptions options_;
  std::deque<std::shared_ptr<const StepPlan>> pending_;
  std::unordered_map<std::int32_t, Seat> seats_;
};

}  // namespace

TokenId fake_next_token(std::span<const TokenId> tokens, std::int32_t vocab_size) {
  std::uint64_t hash = 0;
  for (const auto token : tokens) {
    hash = mix(hash ^ static_cast<std::uint64_t>(token));
  }
  return static_cast<TokenId>(hash % static_cast<std::uint64_t>(vocab_size));
}

std::unique_ptr<Backend> make_fake_backend(FakeBackendOptions options) {
  return std::make_unique<FakeBackend>(std::move(options));
}

}  // namespace troupe
