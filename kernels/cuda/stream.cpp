#include "kernels/cuda/stream.h"

#include "kernels/cuda/status.h"

#include <utility>

namespace troupe::cuda {

// A failure to destroy has nobody to report to: the context is gone, and the object with it.
void StreamDestroy::operator()(cudaStream_t stream) const {
  static_cast<void>(cudaStreamDestroy(stream));
}

void EventDestroy::operator()(cudaEvent_t event) const {
  static_cast<void>(cudaEventDestroy(event));
}

Result<Stream> make_stream() {
  cudaStream_t stream = nullptr;
  if (auto made = check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
                        "cudaStreamCreateWithFlags");
      !made) {
    return pass(std::move(made));
  }
  return Stream(stream);
}

Result<Event> make_event() {
  cudaEvent_t event = nullptr;
  if (auto made = check(cudaEventCreateWithFlags(&event, cudaEventBlockingSync),
                        "cudaEventCreateWithFlags");
      !made) {
    return pass(std::move(made));
  }
  return Event(event);
}

Result<float> elapsed_ms(const Event& begin, const Event& end) {
  float milliseconds = 0.0F;
  if (auto asked = check(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()),
                         "cudaEventElapsedTime");
      !asked) {
    return pass(std::move(asked));
  }
  return milliseconds;
}

}  // namespace troupe::cuda
