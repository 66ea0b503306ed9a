#include "tests/architecture/layers.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace troupe::architecture {
namespace {

struct Room {
  std::string_view folder;
  std::vector<std::string_view> may_include;  // beginnings of include paths
};

// The longest folder that fits a file is its room. Headers of the standard library go everywhere.
const std::vector<Room>& rooms() {
  static const std::vector<Room> kRooms = {
      {"engine/", {}},
      {"engine/base/", {"engine/base/", "tl/"}},
      {"engine/base/log.cpp", {"engine/base/", "spdlog/"}},
      {"engine/api/", {"engine/base/", "engine/api/"}},
      {"engine/step/", {"engine/base/", "engine/api/", "engine/step/"}},
      {"engine/memory/", {"engine/base/", "engine/api/", "engine/step/", "engine/memory/"}},
      {"engine/scheduling/", {"engine/base/", "engine/api/", "engine/step/", "engine/scheduling/"}},
      {"engine/journal/",
       {"engine/base/", "engine/api/", "engine/step/", "engine/memory/", "engine/scheduling/",
        "engine/journal/"}},
      {"engine/model/",
       {"engine/base/", "engine/model/", "nlohmann/", "sys/", "fcntl.h", "unistd.h"}},
      {"engine/text/", {"engine/base/", "engine/api/", "engine/text/", "nlohmann/"}},
      {"engine/gateway/", {"engine/base/", "engine/api/", "engine/text/", "engine/gateway/"}},
      {"engine/simulation/", {"engine/"}},
      {"engine/simulation/calibration.cpp", {"engine/", "nlohmann/"}},
      {"kernels/", {}},
      {"kernels/decoder/", {"engine/", "kernels/decoder/"}},
      {"kernels/reference/", {"engine/", "kernels/decoder/", "kernels/reference/"}},
      {"kernels/cpu/",
       {"engine/", "kernels/decoder/", "kernels/cpu/", "immintrin.h", "cpuid.h", "linux/", "sys/",
        "pthread.h", "sched.h", "unistd.h"}},
      {"kernels/sim/", {"engine/", "kernels/decoder/", "kernels/sim/"}},
      {"kernels/cuda/", {"engine/", "kernels/decoder/", "kernels/cuda/", "cuda", "cublas", "nccl"}},
      {"kernels/cuda/bench/", {"engine/", "kernels/decoder/", "kernels/cuda/", "cuda", "fmt/"}},
      {"actors/", {"engine/", "actors/", "caf/"}},
      {"actors/journal_file.cpp", {"engine/", "actors/", "fcntl.h", "unistd.h"}},
      {"actors/metrics.cpp", {"engine/", "actors/", "prometheus/"}},
      {"rehearsal/", {"engine/", "actors/", "kernels/sim/", "caf/", "rehearsal/"}},
      {"transport/",
       {"engine/api/", "engine/base/", "transport/", "asio", "boost/beast/", "nlohmann/", "sys/",
        "netinet/", "unistd.h"}},
  };
  return kRooms;
}

const Room* room_of(std::string_view path) {
  const Room* best = nullptr;
  for (const auto& room : rooms()) {
    if (path.starts_with(room.folder) &&
        (best == nullptr || room.folder.size() > best->folder.size())) {
      best = &room;
    }
  }
  return best;
}

// <vector>, <cstdint>: one word, no dot.
bool is_standard(std::string_view include) {
  return include.find('/') == std::string_view::npos && include.find('.') == std::string_view::npos;
}

std::string describe(const SourceFile& file, const Include& include, std::string_view whom) {
  return file.path + ":" + std::to_string(include.line) + " includes " + include.target +
         ", which " + std::string(whom) + " may not know";
}

struct Permit {
  std::string_view path;
  std::string_view header;
};

}  // namespace

std::vector<std::string> forbidden_includes(const SourceFile& file) {
  std::vector<std::string> found;
  const auto* room = room_of(file.path);
  if (room == nullptr) {
    return found;
  }
  for (const auto& include : includes_of(file)) {
    const bool allowed = is_standard(include.target) ||
                         std::ranges::any_of(room->may_include, [&](std::string_view beginning) {
                           return include.target.starts_with(beginning);
                         });
    if (!allowed) {
      found.push_back(describe(file, include, room->folder));
    }
  }
  return found;
}

std::vector<std::string> forbidden_locks(const SourceFile& file) {
  constexpr std::array<std::string_view, 9> kLocks = {
      "mutex",  "shared_mutex", "condition_variable", "atomic", "semaphore", "barrier", "latch",
      "future", "thread"};
  // The door for plain C++ numbers requests that come from any thread of its user's.
  constexpr std::array<Permit, 1> kPermits = {Permit{"actors/troupe.cpp", "atomic"}};
  std::vector<std::string> found;
  const auto tower = tower_of(file.path);
  if (tower != "engine" && tower != "actors") {
    return found;
  }
  for (const auto& include : includes_of(file)) {
    const bool is_lock = std::ranges::find(kLocks, include.target) != kLocks.end();
    const bool has_permit = std::ranges::any_of(kPermits, [&](const Permit& permit) {
      return permit.path == file.path && permit.header == include.target;
    });
    if (is_lock && !has_permit) {
      found.push_back(describe(file, include, tower));
    }
  }
  return found;
}

std::vector<std::string> forbidden_acquaintances(const SourceFile& file) {
  // Supervisors spawn their children, and the doors spawn the company.
  constexpr std::array<std::string_view, 4> kSupervisors = {
      "actors/engine_actor.cpp", "actors/company_actor.cpp", "actors/troupe.cpp",
      "actors/caf_door.cpp"};
  std::vector<std::string> found;
  if (tower_of(file.path) != "actors" ||
      std::ranges::find(kSupervisors, file.path) != kSupervisors.end()) {
    return found;
  }
  const auto own_header = file.path.substr(0, file.path.rfind('.')) + ".h";
  for (const auto& include : includes_of(file)) {
    if (include.target.ends_with("_actor.h") && include.target != own_header) {
      found.push_back(describe(file, include, "another actor"));
    }
  }
  return found;
}

}  // namespace troupe::architecture
