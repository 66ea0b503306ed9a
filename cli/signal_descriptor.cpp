#include "cli/signal_descriptor.h"

#include "engine/base/check.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace troupe::cli {

SignalDescriptor::SignalDescriptor(std::initializer_list<int> signals) {
  sigset_t mask;
  sigemptyset(&mask);
  for (const int signal : signals) {
    sigaddset(&mask, signal);
  }
  pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  descriptor_ = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
  TROUPE_CHECK(descriptor_ >= 0, "signalfd failed");
}

SignalDescriptor::~SignalDescriptor() {
  close(descriptor_);
}

int SignalDescriptor::take() const {
  signalfd_siginfo info{};
  const auto num_bytes = read(descriptor_, &info, sizeof(info));
  return num_bytes == sizeof(info) ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace troupe::cli
