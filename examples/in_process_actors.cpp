// A company of actors inside a CAF program's own actor system: requests and events are messages.
// Two actors ask at once; their requests share the engine's steps.
//
//   in_process_actors [MODEL_DIRECTORY]
#include "actors/caf_door.h"
#include "cli/assembly.h"

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <variant>

namespace {

using namespace std::chrono_literals;

struct AskerState {
  std::string name;
  std::string answer;
};

using Asker = caf::stateful_actor<AskerState>*;

void print(Asker self, const std::string& text) {
  // One insertion a line: two actors may print at the same time.
  std::cout << self->state.name + ": " + text + "\n" << std::flush;
}

void hear(Asker self, const troupe::Event& event) {
  if (const auto* delta = std::get_if<troupe::Delta>(&event)) {
    self->state.answer += delta->text;
    print(self, "… " + delta->text);
  } else if (const auto* finished = std::get_if<troupe::Finished>(&event)) {
    print(self, self->state.answer + " [" + std::to_string(finished->usage.num_output_tokens) +
                    " tokens]");
    self->quit();
  } else if (const auto* failed = std::get_if<troupe::Failed>(&event)) {
    print(self, failed->error.message);
    self->quit(caf::exit_reason::unhandled_exception);
  }
}

caf::behavior asker(Asker self, std::string name, const caf::actor& door, std::string question) {
  self->state.name = std::move(name);
  auto request = std::make_shared<troupe::GenerateRequest>();
  request->prompt = troupe::ChatPrompt{.messages = {{"user", std::move(question)}}};
  request->sampling.temperature = 0.0F;
  request->sampling.max_tokens = 48;
  self->request(door, 30s, troupe::Generate{std::move(request), caf::actor(self)})
      .then([self](const troupe::GenerateReply& reply) {
        if (!reply.request) {
          print(self, reply.request.error().message);
          self->quit(caf::exit_reason::unhandled_exception);
        }
      });
  return {[self](const troupe::RequestEvent& event) { hear(self, *event.event); }};
}

}  // namespace

int main(int argc, char** argv) {
  auto assembly = troupe::assemble({.model_directory = argc > 1 ? argv[1] : TROUPE_DEMO_MODEL});
  if (!assembly) {
    std::cerr << assembly.error().message << "\n";
    return 1;
  }
  caf::actor_system_config config;
  troupe::configure(config);
  caf::actor_system system(config);

  const auto door = troupe::spawn_company(system, std::move(assembly->parts));
  const auto first = system.spawn(asker, "first", door, "What is the capital of France?");
  const auto second = system.spawn(asker, "second", door, "What is the capital of Italy?");

  caf::scoped_actor self(system);
  self->wait_for(first, second);
  caf::anon_send_exit(door, caf::exit_reason::user_shutdown);
  return 0;
}
