#include "engine/scheduling/waiting_queue.h"

#include "engine/base/check.h"

namespace troupe {

void WaitingQueue::insert(Sequence& sequence) {
  TROUPE_CHECK(order_.insert(&sequence).second, "a sequence waits twice");
  num_new_ += sequence.num_preemptions() == 0 ? 1 : 0;
}

void WaitingQueue::erase(Sequence& sequence) {
  TROUPE_CHECK(order_.erase(&sequence) == 1, "a sequence that does not wait was taken out");
  num_new_ -= sequence.num_preemptions() == 0 ? 1 : 0;
}

}  // namespace troupe
