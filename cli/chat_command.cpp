// A conversation in the terminal with a running server.
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/line_client.h"
#include "cli/line_editor.h"
#include "cli/signal_descriptor.h"

#include <poll.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

namespace troupe::cli {
namespace {

constexpr const char* kFooter = R"(
Examples:
  troupe chat
  troupe chat --system "You answer in one word." --temperature 0
  echo "hello" | troupe chat        one answer for each line of a pipe

While an answer comes, Ctrl-C stops it. /help lists the commands.)";

constexpr const char* kCommands = R"(  /reset   forget the conversation
  /quit    leave (or Ctrl-D)
  /help    this list
)";

struct ChatOptions {
  std::string url = "127.0.0.1:8001";
  std::string api_key;
  std::string system;
  LineRequest sampling;  // its id and prompt are filled in for each turn
};

// A whole answer: its text as far as it came, and how it ended.
struct Answer {
  std::string text;
  LineEvent end;
};

// The conversation and its connection. Owned by the main thread.
class Chat {
 public:
  Chat(LineClient client, const ChatOptions& options, const SignalDescriptor& signals)
      : client_(std::move(client)), options_(options), signals_(signals) {
    reset();
  }

  void reset() {
    messages_.clear();
    if (!options_.system.empty()) {
      messages_.push_back({.role = "system", .content = options_.system});
    }
  }

  // One turn: asks, prints what comes, and remembers both sides. Errors: `io`.
  Result<Answer> ask(std::string question) {
    messages_.push_back({.role = "user", .content = std::move(question)});
    auto request = options_.sampling;
    request.id = "c" + std::to_string(++num_turns_);
    request.prompt = messages_;
    if (auto sent = client_.send(request); !sent) {
      return pass(std::move(sent));
    }
    auto answer = stream(request.id);
    if (answer && answer->end.kind == LineEvent::Kind::error && answer->text.empty()) {
      messages_.pop_back();  // nothing was said: the question may be put again
    } else if (answer) {
      messages_.push_back({.role = "assistant", .content = answer->text});
    }
    return answer;
  }

  [[nodiscard]] const Greeting& greeting() const { return client_.greeting(); }

 private:
  Result<Answer> stream(const std::string& id) {
    Answer answer;
    for (;;) {
      if (auto waited = wait_for_line(id); !waited) {
        return pass(std::move(waited));
      }
      auto event = client_.receive();
      if (!event) {
        return pass(std::move(event));
      }
      if (event->id.empty() && event->kind == LineEvent::Kind::error) {
        return fail(ErrorCode::io, event->text);  // it concerns the whole connection
      }
      if (event->id != id || event->kind == LineEvent::Kind::other) {
        continue;
      }
      if (event->kind != LineEvent::Kind::text) {
        answer.end = std::move(*event);
        return answer;
      }
      std::cout << event->text << std::flush;
      answer.text += event->text;
    }
  }

  // Until the next line is there; Ctrl-C in between cancels the answer.
  Result<void> wait_for_line(const std::string& id) {
    while (!client_.has_line()) {
      std::array<pollfd, 2> watched = {pollfd{client_.descriptor(), POLLIN, 0},
                                       pollfd{signals_.descriptor(), POLLIN, 0}};
      poll(watched.data(), watched.size(), -1);
      while (signals_.take() != 0) {
        if (auto sent = client_.cancel(id); !sent) {
          return sent;
        }
      }
      if (watched[0].revents != 0) {
        return {};
      }
    }
    return {};
  }

  LineClient client_;
  const ChatOptions& options_;
  const SignalDescriptor& signals_;
  std::vector<ChatMessage> messages_;
  std::int64_t num_turns_ = 0;
};

void print_figures(const LineEvent& end) {
  std::printf("  [%lld tokens", static_cast<long long>(end.num_output_tokens));
  if (end.tokens_per_second > 0.0) {
    std::printf(", %.0f a second, the first after %.0f ms", end.tokens_per_second,
                end.time_to_first_token_ms);
  }
  std::printf("%s]\n", end.finish_reason == "length" ? ", cut at its limit" : "");
  std::fflush(stdout);
}

enum class Look : std::uint8_t { terminal, pipe };

// True while the conversation can go on.
bool print_end(const Result<Answer>& answer, Look look) {
  std::cout << "\n" << std::flush;
  if (!answer) {
    std::cerr << "troupe: " << answer.error().message << "\n";
    return false;
  }
  if (answer->end.kind == LineEvent::Kind::error) {
    std::cerr << "troupe: " << answer->end.text << "\n";
  } else if (look == Look::terminal) {
    print_figures(answer->end);
  }
  return true;
}

void print_welcome(const Greeting& greeting) {
  if (greeting.model.empty()) {
    std::cout << "The server is still loading its model.";
  } else {
    std::cout << "Talking to " << greeting.model << " (" << greeting.max_model_len << " tokens).";
  }
  std::cout << " /help lists the commands, Ctrl-D leaves.\n";
}

ExitCode converse(Chat& chat) {
  LineEditor editor("> ");
  const auto look = editor.is_interactive() ? Look::terminal : Look::pipe;
  if (look == Look::terminal) {
    print_welcome(chat.greeting());
  }
  auto code = ExitCode::success;
  for (;;) {
    auto input = editor.read();
    if (input.outcome == LineEditor::Outcome::interrupted) {
      std::cout << "(Ctrl-D or /quit leaves)\n";
      continue;
    }
    if (input.outcome == LineEditor::Outcome::end || input.line == "/quit") {
      return code;
    }
    if (input.line == "/reset") {
      chat.reset();
    } else if (input.line.starts_with("/")) {
      std::cout << kCommands << std::flush;
    } else if (!input.line.empty()) {
      const auto answer = chat.ask(std::move(input.line));
      if (!print_end(answer, look)) {
        return ExitCode::runtime_error;
      }
      if (look == Look::pipe && answer->end.kind == LineEvent::Kind::error) {
        code = ExitCode::runtime_error;
      }
    }
  }
}

ExitCode run_chat(const ChatOptions& options) {
  const auto address = parse_address(options.url, {.host = "127.0.0.1", .port = 8001});
  if (!address) {
    std::cerr << "troupe chat: --url: " << address.error().message << "\n";
    return ExitCode::usage_error;
  }
  const SignalDescriptor signals({SIGINT});
  auto client = LineClient::connect(*address, options.api_key);
  if (!client) {
    std::cerr << "troupe chat: " << client.error().message << "\n";
    return ExitCode::runtime_error;
  }
  Chat chat(std::move(*client), options, signals);
  return converse(chat);
}

}  // namespace

Command add_chat_command(CLI::App& program) {
  auto options = std::make_shared<ChatOptions>();
  auto* flags = program.add_subcommand("chat", "talk to a running server");
  flags->footer(kFooter);
  flags->add_option("--url", options->url, "the server's TCP port")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  flags->add_option("--api-key", options->api_key, "if the server asks for one")->type_name("KEY");
  flags->add_option("--system", options->system, "what the model is told first")->type_name("TEXT");
  add_number(*flags, "--max-tokens", options->sampling.max_tokens, "of each answer",
             {1, INT32_MAX});
  flags->add_option("--temperature", options->sampling.temperature, "0: always the likeliest token")
      ->type_name("T");
  flags
      ->add_option("--top-p", options->sampling.top_p, "share of the likeliest tokens to draw from")
      ->type_name("P");
  flags->add_option("--seed", options->sampling.seed, "makes answers repeatable")->type_name("N");
  return {flags, [options] { return run_chat(*options); }};
}

}  // namespace troupe::cli
