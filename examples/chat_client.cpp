// A client of the line protocol TLP/1 that depends on nothing of Troupe: one JSON object a line,
// over TCP. Asks one question and prints the answer as it comes.
//
//   chat_client HOST PORT "What is the capital of France?"
#include <asio/ip/tcp.hpp>
#include <nlohmann/json.hpp>

#include <exception>
#include <iostream>
#include <string>

namespace {

using nlohmann::json;

void send(std::ostream& server, const json& message) {
  server << message.dump() << '\n' << std::flush;
}

// The next line of the server, or null when it has hung up.
json receive(std::istream& server) {
  std::string line;
  return std::getline(server, line) ? json::parse(line) : json();
}

json make_question(const std::string& text) {
  const json message = {{"role", "user"}, {"content", text}};
  const json body = {{"messages", json::array({message})}, {"temperature", 0}, {"max_tokens", 64}};
  return {{"op", "chat"}, {"id", "q1"}, {"body", body}};
}

// Prints one event; true when it was the last.
bool print_event(const json& event) {
  const auto kind = event.value("ev", "");
  if (kind == "delta") {
    std::cout << event.value("text", "") << std::flush;
  } else if (kind == "done") {
    std::cout << "\n[" << event["usage"]["completion_tokens"] << " tokens, ended by "
              << event["finish_reason"] << "]\n";
  } else if (kind == "error") {
    std::cout << "\n[error: " << event["error"]["message"] << "]\n";
  }
  return kind == "done" || kind == "error";
}

int run(const std::string& host, const std::string& port, const std::string& question) {
  asio::ip::tcp::iostream server(host, port);
  if (!server) {
    std::cerr << "cannot connect to " << host << ":" << port << "\n";
    return 1;
  }
  const json greeting = receive(server);
  std::cout << "[" << greeting.value("server", "?") << " serves " << greeting.value("model", "?")
            << "]\n";
  send(server, make_question(question));
  for (json event = receive(server); !event.is_null(); event = receive(server)) {
    if (print_event(event)) {
      return event.value("ev", "") == "done" ? 0 : 1;
    }
  }
  std::cerr << "the server hung up\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: chat_client HOST PORT QUESTION\n";
    return 2;
  }
  try {
    return run(argv[1], argv[2], argv[3]);
  } catch (const std::exception& problem) {
    std::cerr << "not a line of TLP/1: " << problem.what() << "\n";
    return 1;
  }
}
