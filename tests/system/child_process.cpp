#include "tests/system/child_process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace troupe::system_test {
namespace {

constexpr std::size_t kReadBytes = 4096;

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
  return {ends[0], ends[1]};
}

// In the child: takes its place, and dies with its parent, whatever becomes of the test.
[[noreturn]] void become(const std::string& program,
                         const std::vector<std::string>& arguments,
                         const Pipe& input,
                         const Pipe& output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(input.read_end, STDIN_FILENO);
  dup2(output.write_end, STDOUT_FILENO);
  dup2(output.write_end, STDERR_FILENO);
  std::vector<char*> words = {const_cast<char*>(program.c_str())};
  for (const auto& argument : arguments) {
    words.push_back(const_cast<char*>(argument.c_str()));
  }
  words.push_back(nullptr);
  execv(program.c_str(), words.data());
  _exit(127);
}

}  // namespace

ChildProcess::ChildProcess(const std::string& program, const std::vector<std::string>& arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto input = make_pipe();
  const auto output = make_pipe();
  id_ = fork();
  REQUIRE(id_ >= 0);
  if (id_ == 0) {
    become(program, arguments, input, output);
  }
  close(input.read_end);
  close(output.write_end);
  input_ = input.write_end;
  output_pipe_ = output.read_end;
}

ChildProcess::~ChildProcess() {
  close_input();
  if (id_ > 0) {
    kill(id_, SIGKILL);
    wait();
  }
  close(output_pipe_);
}

void ChildProcess::write_input(const std::string& text) const {
  const auto num_written = write(input_, text.data(), text.size());
  // A program may end before it has read anything, and is then judged by what it said.
  const bool nobody_reads = num_written < 0 && errno == EPIPE;
  REQUIRE((nobody_reads || num_written == static_cast<ssize_t>(text.size())));
}

void ChildProcess::close_input() {
  if (input_ >= 0) {
    close(input_);
    input_ = -1;
  }
}

bool ChildProcess::fill() {
  std::array<char, kReadBytes> piece{};
  const auto num_bytes = read(output_pipe_, piece.data(), piece.size());
  if (num_bytes <= 0) {
    return false;
  }
  output_.append(piece.data(), static_cast<std::size_t>(num_bytes));
  return true;
}

std::string ChildProcess::read_line() {
  auto end = output_.find('\n', num_read_);
  while (end == std::string::npos && fill()) {
    end = output_.find('\n', num_read_);
  }
  const auto begin = num_read_;
  num_read_ = end == std::string::npos ? output_.size() : end + 1;
  return output_.substr(begin, end == std::string::npos ? end : end - begin);
}

std::string ChildProcess::read_until(const std::string& text) {
  for (;;) {
    const auto before = num_read_;
    auto line = read_line();
    if (line.find(text) != std::string::npos) {
      return line;
    }
    if (num_read_ == before) {
      return {};
    }
  }
}

std::string ChildProcess::read_rest() {
  while (fill()) {
  }
  auto rest = output_.substr(num_read_);
  num_read_ = output_.size();
  return rest;
}

void ChildProcess::send_signal(int signal) const {
  REQUIRE(kill(id_, signal) == 0);
}

int ChildProcess::wait() {
  int status = 0;
  REQUIRE(waitpid(id_, &status, 0) == id_);
  id_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::int64_t ChildProcess::cpu_nanoseconds() const {
  std::int64_t sum = 0;
  const auto threads = "/proc/" + std::to_string(id_) + "/task";
  for (const auto& thread : std::filesystem::directory_iterator(threads)) {
    std::ifstream file(thread.path() / "schedstat");
    std::int64_t nanoseconds = 0;
    if (file >> nanoseconds) {
      sum += nanoseconds;
    }
  }
  return sum;
}

Outcome run(const std::string& program,
            const std::vector<std::string>& arguments,
            const std::string& input) {
  ChildProcess child(program, arguments);
  if (!input.empty()) {
    child.write_input(input);
  }
  child.close_input();
  auto output = child.read_rest();
  const int exit_code = child.wait();
  return {exit_code, std::move(output)};
}

std::string troupe_program() {
  return std::string(TROUPE_BINARY_DIR) + "/bin/troupe";
}

}  // namespace troupe::system_test
