// The few facts about an architecture that stand neither in its tensors nor in its config.json.
#pragma once

#include "engine/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// What `sliding_window` in config.json means.
enum class WindowRule : std::uint8_t {
  ignored,    // the architecture has no window
  always,     // a window that is set is used in all layers
  on_demand,  // only with `use_sliding_window`
};

/// Whether every layer must have a tensor that others may have.
enum class Presence : std::uint8_t { optional, required };

struct Family {
  std::string_view architecture;  // as in config.json
  WindowRule window = WindowRule::ignored;
  Presence qkv_bias = Presence::optional;
  Presence qk_norm = Presence::optional;
};

/// The family of an architecture. Error `unsupported` with the list of those we know.
[[nodiscard]] Result<const Family*> find_family(std::string_view architecture);

}  // namespace troupe
