// Plays seeds until one breaks a promise, and says which. For sources in which a bug was planted
// (tools/planted_bugs.sh): built apart from the tests, since it is of no use without.
#include "engine/base/log.h"

#include "rehearsal/performance.h"
#include "rehearsal/vocabulary.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  using namespace troupe;
  const auto num_seeds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000ULL;
  log::set_level(log::Level::off);
  const auto tokenizer = rehearsal::rehearsal_tokenizer();
  for (std::uint64_t seed = 0; seed < num_seeds; ++seed) {
    // Should the bug end the process, the last seed said here is the one.
    std::fprintf(stderr, "%llu\n", static_cast<unsigned long long>(seed));
    const auto outcome = rehearsal::perform(seed, tokenizer);
    if (outcome.broken) {
      std::printf("%llu|%s\n", static_cast<unsigned long long>(seed), outcome.broken->what.c_str());
      return 1;
    }
  }
  return 0;
}
