// Chat templates against what Jinja2 recorded (tests/data/templates/make_cases.py).
#include "engine/text/chat_template.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <fstream>
#include <map>
#include <string>

namespace troupe {
namespace {

using Json = nlohmann::json;

constexpr WallTime kNow{std::chrono::seconds{1741529106}};  // 2025-03-09 14:05:06

const std::filesystem::path kTemplates =
    std::filesystem::path(TROUPE_SOURCE_DIR) / "tests/data/templates";

std::string read(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

ChatPrompt to_prompt(const Json& golden_case) {
  ChatPrompt prompt{.messages = {},
                    .add_generation_prompt = golden_case["add_generation_prompt"].get<bool>()};
  for (const Json& message : golden_case["messages"]) {
    prompt.messages.push_back(
        {message["role"].get<std::string>(), message["content"].get<std::string>()});
  }
  return prompt;
}

/// What a template makes of one user message.
Result<std::string> render(std::string_view source, const std::string& content = "Hi") {
  auto compiled = ChatTemplate::compile(source);
  REQUIRE(compiled);
  return (*compiled)->render({.messages = {{"user", content}}, .add_generation_prompt = true},
                             kNow);
}

TEST_CASE("every template renders as Jinja2 renders it, or refuses with the same words") {
  const Json golden = Json::parse(read(kTemplates / "cases.json"));
  REQUIRE(golden["cases"].size() > 100);
  const WallTime now{std::chrono::seconds{golden["now"].get<std::int64_t>()}};
  std::map<std::string, std::shared_ptr<const ChatTemplate>> compiled;

  for (const Json& golden_case : golden["cases"]) {
    const auto name = golden_case["template"].get<std::string>();
    CAPTURE(name);
    CAPTURE(golden_case["name"].get<std::string>());
    auto& slot = compiled[name];
    if (slot == nullptr) {
      auto fresh = ChatTemplate::compile(read(kTemplates / name), golden["config"].dump());
      REQUIRE_MESSAGE(fresh, (fresh ? "" : fresh.error().message));
      slot = *fresh;
    }

    const auto text = slot->render(to_prompt(golden_case), now);

    if (golden_case.contains("error")) {
      REQUIRE_FALSE(text);
      CHECK(text.error().code == ErrorCode::invalid_value);
      CHECK(text.error().message == golden_case["error"]);
      CHECK(text.error().param == "messages");
    } else {
      REQUIRE_MESSAGE(text, (text ? "" : text.error().message));
      CHECK(*text == golden_case["text"]);
    }
  }
}

TEST_CASE("a template that cannot be compiled is refused with its line") {
  for (const char* source :
       {"{% if %}", "a\n{{ b", "{% for x in y %}", "{{ a b }}", "{% nonsense %}"}) {
    CAPTURE(std::string(source));
    const auto compiled = ChatTemplate::compile(source);
    REQUIRE_FALSE(compiled);
    CHECK(compiled.error().code == ErrorCode::invalid_model);
    CHECK(compiled.error().message.find("chat_template:") != std::string::npos);
    CHECK(compiled.error().message.find('\n') == std::string::npos);
  }
}

TEST_CASE("a template that fails on a conversation refuses it") {
  for (const char* source :
       {"{{ messages.nothing.more }}", "{{ 'a' + 1 }}", "{{ no_function() }}",
        "{{ 'a' | no_filter }}", "{{ 1 / 0 }}", "{{ messages | tojson(indent='x') }}",
        "{{ strftime_now(none) }}", "{{ 'x'.rsplit('') }}", "{% include 'other' %}",
        "{{ nothing | tojson }}"}) {
    CAPTURE(std::string(source));
    const auto text = render(source);
    REQUIRE_FALSE(text);
    CHECK(text.error().code == ErrorCode::invalid_value);
    CHECK(text.error().message.find("chat template failed") == 0);
  }
}

TEST_CASE("a template's own refusal is passed on from within macros and loops") {
  const auto text = render(
      "{% macro no(x) %}{% for i in [1] %}{{ raise_exception('no ' ~ x) }}{% endfor %}{% endmacro "
      "%}"
      "{% set captured %}{{ no('way') }}{% endset %}");

  REQUIRE_FALSE(text);
  CHECK(text.error().message == "no way");
}

TEST_CASE("work, depth and output of a template are bounded") {
  const char* endless =
      "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}"
      "{% endfor %}{% endfor %}{% endfor %}";
  const char* deep = "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}";
  const char* huge = "{{ 'x' * 17000000 }}";
  const char* doubling =
      "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}"
      "{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}";

  for (const char* source : {endless, deep, huge, doubling}) {
    CAPTURE(std::string(source));
    const auto text = render(source);
    REQUIRE_FALSE(text);
    CHECK(text.error().code == ErrorCode::invalid_value);
  }
}

TEST_CASE("a template sees nothing but data") {
  for (const char* source :
       {"{{ messages.__class__ }}", "{{ ''.__class__ }}", "{{ self }}", "{{ cycler.__init__ }}"}) {
    CAPTURE(std::string(source));
    const auto text = render(source);
    CHECK((!text || text->empty()));
  }
}

TEST_CASE("a content's template syntax is text") {
  CHECK(render("{{ messages[0].content }}", "{{ 1 + 1 }}{% raw %}").value() ==
        "{{ 1 + 1 }}{% raw %}");
}

TEST_CASE("a content that is not UTF-8 is refused") {
  const auto text = render("{{ messages[0].content }}", "\xff");

  REQUIRE_FALSE(text);
  CHECK(text.error().code == ErrorCode::invalid_value);
}

TEST_CASE("the special tokens of a config are a template's variables") {
  const auto compiled = ChatTemplate::compile(
      "{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}{{ additional_special_tokens }}",
      R"({"bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": null,
          "additional_special_tokens": ["<a>", {"content": "<b>"}], "add_bos_token": true})");
  REQUIRE(compiled);

  CHECK((*compiled)->render({}, kNow).value() == "<s></s>False['<a>', '<b>']");
}

/// A model's folder that goes with its scope.
class Folder {
 public:
  Folder() { std::filesystem::create_directories(path_); }

  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  ~Folder() { std::filesystem::remove_all(path_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_ = std::filesystem::temp_directory_path() /
                                ("troupe_chat_template_" + std::to_string(::getpid()));
};

TEST_CASE("a model's template is its jinja file, else its config's, else none") {
  const Folder folder;
  const ChatPrompt prompt;

  CHECK(ChatTemplate::load(folder.path()).value() == nullptr);
  folder.write("tokenizer_config.json", R"({"bos_token": "<s>"})");
  CHECK(ChatTemplate::load(folder.path()).value() == nullptr);

  folder.write("tokenizer_config.json", R"({"chat_template": "config"})");
  CHECK(ChatTemplate::load(folder.path()).value()->render(prompt, kNow).value() == "config");

  folder.write("tokenizer_config.json",
               R"({"chat_template": [{"name": "tool_use", "template": "t"},
                                     {"name": "default", "template": "named"}]})");
  CHECK(ChatTemplate::load(folder.path()).value()->render(prompt, kNow).value() == "named");

  folder.write("chat_template.jinja", "file\n");
  CHECK(ChatTemplate::load(folder.path()).value()->render(prompt, kNow).value() == "file");
}

TEST_CASE("a broken template or config is refused with its file's name") {
  const Folder folder;
  const auto refused = [&](const std::string& file) {
    const auto loaded = ChatTemplate::load(folder.path());
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code == ErrorCode::invalid_model);
    CHECK(loaded.error().message.find(file) != std::string::npos);
  };

  folder.write("tokenizer_config.json", "[1]");
  refused("tokenizer_config.json");
  folder.write("tokenizer_config.json", R"({"chat_template": 7})");
  refused("tokenizer_config.json");
  folder.write("tokenizer_config.json", R"({"chat_template": [{"name": "tool_use"}]})");
  refused("tokenizer_config.json");
  folder.write("tokenizer_config.json", R"({"chat_template": "{{"})");
  refused("tokenizer_config.json");
  folder.write("chat_template.jinja", "{% if %}");
  refused("chat_template.jinja");
}

}  // namespace
}  // namespace troupe
