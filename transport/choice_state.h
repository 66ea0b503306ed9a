// What is known of one request of the engine and was not yet sent: the meeting point of events that
// come in their own time and a client that reads in its own. Lives on the transport's thread.
#pragma once

#include "engine/api/event.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace troupe::transport {

class ChoiceState {
 public:
  /// Takes the next event. Deltas that were not taken out are merged, so that a slow reader costs
  /// the bytes of the text and no more. What comes after the end is dropped.
  void put(Event event);

  /// The first event has come, whatever it was.
  [[nodiscard]] bool answered() const { return accepted_.has_value() || ended(); }

  [[nodiscard]] bool ended() const { return finished_.has_value() || failed_.has_value(); }

  [[nodiscard]] const Accepted* accepted() const { return accepted_ ? &*accepted_ : nullptr; }

  [[nodiscard]] const Finished* finished() const { return finished_ ? &*finished_ : nullptr; }

  [[nodiscard]] const Error* error() const { return failed_ ? &failed_->error : nullptr; }

  [[nodiscard]] bool has_delta() const { return has_delta_; }

  /// Moves the merged delta out.
  [[nodiscard]] Delta take_delta();

  /// How far the merged delta takes its client, as `troupe::num_places` counts.
  [[nodiscard]] std::int32_t delta_places() const { return delta_places_; }

  /// Reads what has been merged and leaves it there.
  [[nodiscard]] const Delta& delta() const { return delta_; }

  /// About how much memory the merged delta takes.
  [[nodiscard]] std::size_t held_bytes() const { return held_bytes_; }

  /// Output tokens of the client so far: those that it had before, and those that have come, taken
  /// out or not.
  [[nodiscard]] std::int32_t num_output_tokens() const { return num_output_tokens_; }

 private:
  void merge(Delta more);

  std::optional<Accepted> accepted_;
  std::optional<Finished> finished_;
  std::optional<Failed> failed_;
  Delta delta_;
  bool has_delta_ = false;
  std::int32_t delta_places_ = 0;
  std::size_t held_bytes_ = 0;
  std::int32_t num_output_tokens_ = 0;
};

}  // namespace troupe::transport
