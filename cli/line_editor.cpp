#include "cli/line_editor.h"

#include <histedit.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <utility>

namespace troupe::cli {
namespace {

constexpr int kHistoryLines = 1000;

void let_read_return(int /*signal*/) {}

// While it lives, Ctrl-C ends a read with EINTR instead of waiting in a signal descriptor.
class InterruptibleRead {
 public:
  InterruptibleRead() {
    struct sigaction action {};

    action.sa_handler = let_read_return;  // without SA_RESTART
    sigaction(SIGINT, &action, &previous_action_);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &mask, &previous_mask_);
  }

  ~InterruptibleRead() {
    pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr);
    sigaction(SIGINT, &previous_action_, nullptr);
  }

  InterruptibleRead(const InterruptibleRead&) = delete;
  InterruptibleRead& operator=(const InterruptibleRead&) = delete;

 private:
  struct sigaction previous_action_ {};

  sigset_t previous_mask_{};
};

std::string without_newline(std::string line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) {
    line.pop_back();
  }
  return line;
}

}  // namespace

struct LineEditor::State {
  std::string prompt;
  EditLine* editor = nullptr;  // null when this is no terminal
  History* history = nullptr;
  HistEvent history_event{};
};

namespace {

char* prompt_of(EditLine* editor) {
  void* prompt = nullptr;
  el_get(editor, EL_CLIENTDATA, &prompt);
  return static_cast<char*>(prompt);
}

}  // namespace

LineEditor::LineEditor(std::string prompt) : state_(std::make_unique<State>()) {
  state_->prompt = std::move(prompt);
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
    return;
  }
  // Editing counts columns, so it must know that the terminal's text is UTF-8.
  std::setlocale(LC_CTYPE, "");
  state_->editor = el_init("troupe", stdin, stdout, stderr);
  state_->history = history_init();
  history(state_->history, &state_->history_event, H_SETSIZE, kHistoryLines);
  el_set(state_->editor, EL_CLIENTDATA, state_->prompt.data());
  el_set(state_->editor, EL_PROMPT, prompt_of);
  el_set(state_->editor, EL_EDITOR, "emacs");
  el_set(state_->editor, EL_HIST, history, state_->history);
}

LineEditor::~LineEditor() {
  if (state_->editor != nullptr) {
    el_end(state_->editor);
    history_end(state_->history);
  }
}

bool LineEditor::is_interactive() const {
  return state_->editor != nullptr;
}

LineEditor::Input LineEditor::read() {
  if (!is_interactive()) {
    std::string line;
    return std::getline(std::cin, line) ? Input{Outcome::line, without_newline(std::move(line))}
                                        : Input{};
  }
  const InterruptibleRead interruptible;
  int num_characters = 0;
  const char* text = el_gets(state_->editor, &num_characters);
  if (text == nullptr || num_characters <= 0) {
    const bool interrupted = num_characters < 0 && errno == EINTR;
    std::cout << "\n";
    el_reset(state_->editor);
    return {interrupted ? Outcome::interrupted : Outcome::end, {}};
  }
  auto line = without_newline(text);
  if (!line.empty()) {
    history(state_->history, &state_->history_event, H_ENTER, text);
  }
  return {Outcome::line, std::move(line)};
}

}  // namespace troupe::cli
