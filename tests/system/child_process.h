// A program that a test started: what it prints can be read, its end can be waited for.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::system_test {

/// Owned by one test; killed with it.
class ChildProcess {
 public:
  /// Starts `program` with `arguments`. Its stdin is a pipe, its stdout and stderr another.
  ChildProcess(const std::string& program, const std::vector<std::string>& arguments);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t id() const { return id_; }

  /// Nothing is written, and nothing is wrong, when the program has ended already.
  void write_input(const std::string& text) const;
  void close_input();

  /// The next line it prints, without its newline; empty at the end of its output too.
  [[nodiscard]] std::string read_line();

  /// Reads lines until one contains `text` and returns it; empty when the output ended before.
  [[nodiscard]] std::string read_until(const std::string& text);

  /// Everything it still prints, until it closes its output.
  [[nodiscard]] std::string read_rest();

  void send_signal(int signal) const;

  /// Its exit code, or 128 + the signal that ended it. Waits.
  int wait();

  /// What it has computed so far, in nanoseconds, all threads together.
  [[nodiscard]] std::int64_t cpu_nanoseconds() const;

  /// All it has printed and the test has read, for messages.
  [[nodiscard]] const std::string& output() const { return output_; }

 private:
  bool fill();

  pid_t id_ = -1;
  int input_ = -1;
  int output_pipe_ = -1;
  std::string output_;
  std::size_t num_read_ = 0;  // of `output_`, handed out as lines
};

/// Runs `program` to its end with nothing to read.
struct Outcome {
  int exit_code = 0;
  std::string output;
};

[[nodiscard]] Outcome run(const std::string& program,
                          const std::vector<std::string>& arguments,
                          const std::string& input = {});

/// The built program.
[[nodiscard]] std::string troupe_program();

}  // namespace troupe::system_test
