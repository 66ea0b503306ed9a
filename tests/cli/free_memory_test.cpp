#include "cli/free_memory.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

// Files as the kernel shows them, in a folder that goes with the test.
class FakeKernel {
 public:
  FakeKernel() : path_(fs::temp_directory_path() / ("troupe-memory-" + std::to_string(getpid()))) {
    fs::create_directories(path_);
    write("meminfo",
          "MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    8000 kB\n");
  }

  ~FakeKernel() { fs::remove_all(path_); }

  FakeKernel(const FakeKernel&) = delete;
  FakeKernel& operator=(const FakeKernel&) = delete;

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
  }

  [[nodiscard]] std::int64_t free() const { return free_memory_bytes(path_, path_); }

 private:
  fs::path path_;
};

TEST_CASE("free memory is what the kernel calls available") {
  const FakeKernel kernel;
  CHECK(kernel.free() == 8000 * 1024);

  kernel.write("memory.max", "max\n");
  kernel.write("memory.current", "123\n");
  CHECK(kernel.free() == 8000 * 1024);
}

TEST_CASE("a control group that leaves less counts") {
  const FakeKernel kernel;
  kernel.write("memory.max", "5000000\n");
  kernel.write("memory.current", "1000000\n");
  CHECK(kernel.free() == 4'000'000);

  kernel.write("memory.current", "6000000\n");
  CHECK(kernel.free() == 0);
}

TEST_CASE("nothing is free where nothing can be read") {
  CHECK(free_memory_bytes("/no/such/place", "/no/such/place") == 0);
}

}  // namespace
}  // namespace troupe::cli
