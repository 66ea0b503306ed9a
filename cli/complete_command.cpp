// One prompt in, one answer out: from an engine in this process, or from a running server.
#include "actors/troupe.h"
#include "cli/assembly.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/line_client.h"
#include "cli/model_options.h"
#include "engine/base/log.h"

#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

namespace troupe::cli {
namespace {

constexpr const char* kFooter = R"(
Examples:
  troupe complete "Once upon a time"
  troupe complete --chat "What is a pangolin?" --temperature 0
  troupe complete --url 127.0.0.1:8001 "Once upon"      of a running server
  cat story.txt | troupe complete --max-tokens 200)";

struct CompleteOptions {
  ModelOptions model;
  std::string prompt;  // empty: read from stdin
  std::string url;     // empty: in this process
  std::string api_key;
  bool is_chat = false;
  LineRequest request;  // `max_tokens`, `temperature`, …; prompt and id are filled in
};

ExitCode print_error(const Error& error, ExitCode code) {
  std::cerr << "troupe complete: " << error.message << "\n";
  return code;
}

ExitCode complete_remotely(const CompleteOptions& options, LineRequest request) {
  const auto address = parse_address(options.url, {.host = "127.0.0.1", .port = 8001});
  if (!address) {
    return print_error(address.error(), ExitCode::usage_error);
  }
  auto client = LineClient::connect(*address, options.api_key);
  if (!client) {
    return print_error(client.error(), ExitCode::runtime_error);
  }
  if (auto sent = client->send(request); !sent) {
    return print_error(sent.error(), ExitCode::runtime_error);
  }
  for (;;) {
    const auto event = client->receive();
    if (!event) {
      return print_error(event.error(), ExitCode::runtime_error);
    }
    if (event->kind == LineEvent::Kind::error) {
      return print_error({ErrorCode::invalid_value, event->text, {}}, ExitCode::runtime_error);
    }
    std::cout << event->text << std::flush;
    if (event->kind == LineEvent::Kind::done) {
      std::cout << "\n";
      return ExitCode::success;
    }
  }
}

GenerateRequest to_generate_request(LineRequest request) {
  GenerateRequest made;
  if (auto* messages = std::get_if<std::vector<ChatMessage>>(&request.prompt)) {
    made.prompt = ChatPrompt{.messages = std::move(*messages)};
  } else {
    made.prompt = TextPrompt{std::move(std::get<std::string>(request.prompt))};
  }
  if (request.max_tokens) {
    made.sampling.max_tokens = static_cast<std::int32_t>(*request.max_tokens);
  }
  made.sampling.temperature = static_cast<float>(request.temperature.value_or(1.0));
  made.sampling.top_p = static_cast<float>(request.top_p.value_or(1.0));
  made.sampling.seed = request.seed;
  return made;
}

ExitCode print_generation(Generation generation) {
  while (const auto event = generation.next()) {
    if (const auto* delta = std::get_if<Delta>(&*event)) {
      std::cout << delta->text << std::flush;
    } else if (const auto* failed = std::get_if<Failed>(&*event)) {
      return print_error(failed->error, ExitCode::runtime_error);
    }
  }
  std::cout << "\n";
  return ExitCode::success;
}

ExitCode complete_here(const CompleteOptions& options, LineRequest request) {
  const auto assembly_options = resolve(options.model);
  if (!assembly_options) {
    return print_error(assembly_options.error(), exit_code_of(assembly_options.error()));
  }
  auto assembly = assemble(*assembly_options);
  if (!assembly) {
    return print_error(assembly.error(), exit_code_of(assembly.error()));
  }
  auto company = Troupe::start(std::move(assembly->parts));
  if (!company) {
    return print_error(company.error(), ExitCode::runtime_error);
  }
  auto generation = (*company)->generate(to_generate_request(std::move(request)));
  if (!generation) {
    return print_error(generation.error(), ExitCode::usage_error);
  }
  return print_generation(std::move(*generation));
}

ExitCode run_complete(const CompleteOptions& options) {
  log::set_level(log::Level::warning);
  auto prompt = options.prompt;
  if (prompt.empty() || prompt == "-") {
    prompt.assign(std::istreambuf_iterator<char>(std::cin), {});
  }
  auto request = options.request;
  request.id = "c1";
  if (options.is_chat) {
    request.prompt = std::vector<ChatMessage>{{.role = "user", .content = std::move(prompt)}};
  } else {
    request.prompt = std::move(prompt);
  }
  return options.url.empty() ? complete_here(options, std::move(request))
                             : complete_remotely(options, std::move(request));
}

}  // namespace

Command add_complete_command(CLI::App& program) {
  auto options = std::make_shared<CompleteOptions>();
  auto* flags = program.add_subcommand("complete", "one prompt, one answer; needs no server");
  flags->footer(kFooter);
  flags->add_option("prompt", options->prompt, "the text to go on from; default: standard input")
      ->type_name("TEXT");
  flags->add_flag("--chat", options->is_chat, "the prompt is a question: use the chat template");
  auto& request = options->request;
  add_number(*flags, "--max-tokens", request.max_tokens, "of the answer [128]", {1, INT32_MAX});
  request.max_tokens = 128;
  flags->add_option("--temperature", request.temperature, "0: always the likeliest token [1]")
      ->type_name("T");
  flags->add_option("--top-p", request.top_p, "share of the likeliest tokens to draw from [1]")
      ->type_name("P");
  flags->add_option("--url", options->url, "ask this running server (its TCP port)")
      ->type_name("HOST:PORT");
  flags->add_option("--api-key", options->api_key, "if the server asks for one")->type_name("KEY");
  add_model_options(*flags, options->model, ModelArgument::flag_only);
  return {flags, [options] {
            options->request.seed = options->model.assembly.seed;
            return run_complete(*options);
          }};
}

}  // namespace troupe::cli
