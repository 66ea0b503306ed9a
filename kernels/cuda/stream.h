// Streams and events, each with one owner.
#pragma once

#include "engine/base/result.h"

#include <cuda_runtime_api.h>

#include <memory>
#include <type_traits>

namespace troupe::cuda {

struct StreamDestroy {
  void operator()(cudaStream_t stream) const;
};

struct EventDestroy {
  void operator()(cudaEvent_t event) const;
};

using Stream = std::unique_ptr<std::remove_pointer_t<cudaStream_t>, StreamDestroy>;
using Event = std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, EventDestroy>;

/// A stream that does not wait for the default stream.
[[nodiscard]] Result<Stream> make_stream();

/// An event that takes the time, and on which a waiting host thread sleeps.
[[nodiscard]] Result<Event> make_event();

/// Milliseconds between two recorded events that have happened.
[[nodiscard]] Result<float> elapsed_ms(const Event& begin, const Event& end);

}  // namespace troupe::cuda
