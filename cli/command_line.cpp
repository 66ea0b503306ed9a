#include "cli/command_line.h"

#include "cli/did_you_mean.h"
#include "cli/human_number.h"

#include <cctype>
#include <memory>
#include <sstream>
#include <vector>

namespace troupe::cli {
namespace {

constexpr std::size_t kDescriptionColumn = 36;

class HelpFormat : public CLI::Formatter {
 public:
  // The library shows what a negated flag means to it: --no-x{false}.
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    auto name = CLI::Formatter::make_option_name(option, is_positional);
    const std::string mark = "{false}";
    const auto place = name.find(mark);
    return place == std::string::npos ? name : name.erase(place, mark.size());
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_size() == 0 ? "" : " " + option->get_type_name();
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    const auto standard = option->get_default_str();
    return option->get_description() + (standard.empty() ? "" : " [" + standard + "]");
  }
};

std::string environment_name(const std::string& flag) {
  std::string name = "TROUPE_";
  for (const char letter : flag) {
    name +=
        letter == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  }
  return name;
}

const CLI::App* chosen_subcommand(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? nullptr : chosen.front();
}

std::vector<std::string> names_of_flags(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

std::vector<std::string> names_of_commands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

}  // namespace

CLI::Validator whole_number(Bounds bounds) {
  const auto operation = [bounds](std::string& text) -> std::string {
    const auto number = parse_human_number(text);
    if (!number) {
      return number.error().message;
    }
    if (*number < bounds.least || *number > bounds.most) {
      return with_commas(*number) + " is not in [" + with_commas(bounds.least) + ", " +
             with_commas(bounds.most) + "]";
    }
    text = std::to_string(*number);
    return {};
  };
  return {operation, ""};
}

void name_environment(CLI::App& flags) {
  for (auto* option : flags.get_options()) {
    const auto& names = option->get_lnames();
    // --help and --version are questions, not settings.
    if (!names.empty() && names.front() != "help" && names.front() != "version") {
      option->envname(environment_name(names.front()));
    }
  }
  for (auto* command : flags.get_subcommands([](CLI::App*) { return true; })) {
    name_environment(*command);
  }
}

void set_help_format(CLI::App& program) {
  auto format = std::make_shared<HelpFormat>();
  format->column_width(kDescriptionColumn);
  format->label("REQUIRED", "");
  program.formatter(format);
  for (auto* command : program.get_subcommands([](CLI::App*) { return true; })) {
    command->formatter(format);
    for (auto* deeper : command->get_subcommands([](CLI::App*) { return true; })) {
      deeper->formatter(format);
    }
  }
}

Result<void> check_leftovers(const CLI::App& program) {
  const CLI::App* app = &program;
  std::string path = program.get_name();
  for (;; app = chosen_subcommand(*app)) {
    const auto leftovers = app->remaining();
    if (!leftovers.empty()) {
      const auto& word = leftovers.front();
      const bool is_flag = word.starts_with("-");
      const auto flag = word.substr(0, word.find('='));
      const auto meant = is_flag ? did_you_mean(flag, names_of_flags(*app))
                                 : did_you_mean(word, names_of_commands(*app));
      auto message = is_flag ? "there is no flag " + flag : "'" + word + "' is one word too many";
      if (!is_flag && chosen_subcommand(*app) == nullptr && !names_of_commands(*app).empty()) {
        message = "there is no command '" + word + "'";
      }
      message += meant ? "; did you mean " + *meant + "?" : "; see " + path + " --help";
      return fail(ErrorCode::invalid_value, message);
    }
    if (chosen_subcommand(*app) == nullptr) {
      return {};
    }
    path += " " + chosen_subcommand(*app)->get_name();
  }
}

}  // namespace troupe::cli
