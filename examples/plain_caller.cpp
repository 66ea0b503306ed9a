// An engine inside a plain C++ program that knows nothing of actors: three ways to ask.
//
//   plain_caller [MODEL_DIRECTORY]
#include "actors/troupe.h"
#include "cli/assembly.h"

#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <variant>

namespace {

troupe::GenerateRequest ask(std::string question) {
  troupe::GenerateRequest request;
  request.prompt = troupe::ChatPrompt{.messages = {{"user", std::move(question)}}};
  request.sampling.temperature = 0.0F;
  request.sampling.max_tokens = 48;
  return request;
}

// Pull: iterate over the events in your own thread.
bool pull(troupe::Troupe& engine) {
  auto generation = engine.generate(ask("What is the capital of France?"));
  if (!generation) {
    std::cerr << generation.error().message << "\n";
    return false;
  }
  std::cout << "pull: ";
  while (const auto event = generation->next()) {
    if (const auto* delta = std::get_if<troupe::Delta>(&*event)) {
      std::cout << delta->text << std::flush;
    }
  }
  std::cout << "\n";
  return true;
}

// Push: a callback on a thread of the engine; it must not block.
bool push(troupe::Troupe& engine) {
  struct Answer {
    std::string text;
    std::promise<std::string> ended;
  };

  auto answer = std::make_shared<Answer>();
  auto whole = answer->ended.get_future();
  const auto accepted =
      engine.generate(ask("What is the capital of Italy?"), [answer](const troupe::Event& event) {
        if (const auto* delta = std::get_if<troupe::Delta>(&event)) {
          answer->text += delta->text;
        } else if (const auto* failed = std::get_if<troupe::Failed>(&event)) {
          answer->ended.set_value(failed->error.message);
        } else if (std::holds_alternative<troupe::Finished>(event)) {
          answer->ended.set_value(answer->text);
        }
      });
  if (!accepted) {
    std::cerr << accepted.error().message << "\n";
    return false;
  }
  std::cout << "push: " << whole.get() << "\n";
  return true;
}

// Wait: the whole answer at once.
bool wait(troupe::Troupe& engine) {
  auto generation = engine.generate(ask("What is the capital of Japan?"));
  if (!generation) {
    std::cerr << generation.error().message << "\n";
    return false;
  }
  const auto completion = generation->wait();
  if (!completion) {
    std::cerr << completion.error().message << "\n";
    return false;
  }
  std::cout << "wait: " << completion->text << " (" << completion->end.usage.num_output_tokens
            << " tokens)\n";
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  auto assembly = troupe::assemble({.model_directory = argc > 1 ? argv[1] : TROUPE_DEMO_MODEL});
  if (!assembly) {
    std::cerr << assembly.error().message << "\n";
    return 1;
  }
  auto engine = troupe::Troupe::start(std::move(assembly->parts));
  if (!engine) {
    std::cerr << engine.error().message << "\n";
    return 1;
  }
  return pull(**engine) && push(**engine) && wait(**engine) ? 0 : 1;
}
