#include "engine/model/families.h"

namespace troupe {
namespace {

constexpr Family kFamilies[] = {
    {.architecture = "LlamaForCausalLM"},
    {.architecture = "MistralForCausalLM", .window = WindowRule::always},
    {.architecture = "Qwen2ForCausalLM",
     .window = WindowRule::on_demand,
     .qkv_bias = Presence::required},
    {.architecture = "Qwen3ForCausalLM",
     .window = WindowRule::on_demand,
     .qk_norm = Presence::required},
};

}  // namespace

Result<const Family*> find_family(std::string_view architecture) {
  std::string known;
  for (const auto& family : kFamilies) {
    if (family.architecture == architecture) {
      return &family;
    }
    known += (known.empty() ? "" : ", ") + std::string(family.architecture);
  }
  constexpr std::size_t kMaxShown = 64;
  return fail(ErrorCode::unsupported, "config.json: architecture \"" +
                                          std::string(architecture.substr(0, kMaxShown)) +
                                          "\" is not supported; supported: " + known);
}

}  // namespace troupe
