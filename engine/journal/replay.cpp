#include "engine/journal/replay.h"

#include "engine/base/check.h"

#include <type_traits>
#include <utility>

namespace troupe::journal {
namespace {

constexpr std::size_t kMaxRings = 2;
constexpr std::size_t kMaxFailedRings = 8;

}  // namespace

std::optional<RingNumber> ring_of(const Record& record) {
  return std::visit(
      [](const auto& one) -> std::optional<RingNumber> {
        if constexpr (std::is_same_v<std::decay_t<decltype(one)>, Ended>) {
          return std::nullopt;
        } else {
          return one.ring;
        }
      },
      record);
}

Turn Replay::take(const Record& record) {
  if (difference_) {
    return {};
  }
  if (const auto* began = std::get_if<RingBegan>(&record)) {
    begin(*began);
    return {};
  }
  const auto number = ring_of(record);
  const auto found = number ? rings_.find(*number) : rings_.end();
  if (found == rings_.end()) {
    return {};  // of a ring that was left behind, or whose beginning is not there
  }
  auto turn = found->second->take(record);
  difference_ = found->second->difference();
  return turn;
}

void Replay::begin(const RingBegan& began) {
  if (!rings_.empty() && began.ring <= rings_.rbegin()->first) {
    difference_ = Difference{began.ring, {}, "the order", "a ring begins that had begun before"};
    return;
  }
  if (rings_.size() == kMaxRings) {
    const auto& [number, oldest] = *rings_.begin();
    if (!oldest->failed_check().empty() && failed_rings_.size() < kMaxFailedRings) {
      failed_rings_.push_back({number, oldest->failed_check()});
    }
    rings_.erase(rings_.begin());
  }
  try {
    rings_.emplace(began.ring, std::make_unique<RingReplay>(began, agreements_));
  } catch (const InvariantViolation& violation) {
    difference_ = Difference{began.ring, {}, "the beginning", violation.what()};
    return;
  }
  ++num_rings_;
}

const RingReplay* Replay::ring(RingNumber number) const {
  const auto found = rings_.find(number);
  return found == rings_.end() ? nullptr : found->second.get();
}

std::vector<FailedRing> Replay::failed_rings() const {
  auto failed = failed_rings_;
  for (const auto& [number, ring] : rings_) {
    if (!ring->failed_check().empty()) {
      failed.push_back({number, ring->failed_check()});
    }
  }
  return failed;
}

Result<ReplayReport> replay(std::istream& in, const Listener& listener) {
  auto reader = Reader::open(in);
  if (!reader) {
    return pass(std::move(reader));
  }
  Replay replay;
  ReplayReport report;
  while (!replay.difference()) {
    auto next = reader->next();
    if (!next) {
      report.damage = std::move(next).error();
      break;
    }
    if (!*next) {
      break;
    }
    if (const auto* ended = std::get_if<Ended>(&**next)) {
      report.end_reason = ended->reason;
    }
    const auto turn = replay.take(**next);
    if (listener) {
      listener(**next, turn, replay);
    }
  }
  report.agreements = replay.agreements();
  report.num_records = reader->record_number();
  report.num_bytes = reader->num_bytes();
  report.num_rings = replay.num_rings();
  report.difference = replay.difference();
  report.failed_rings = replay.failed_rings();
  report.ending = reader->ending();
  report.num_torn_bytes = reader->num_torn_bytes();
  return report;
}

}  // namespace troupe::journal
