// Which method and path mean what. A pure table; it answers nothing itself.
#pragma once

#include "transport/http_message.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::transport {

enum class Route : std::uint8_t {
  live,
  health,
  ready,
  version,
  load,
  metrics,
  models,
  model,
  completions,
  chat_completions,
  tokenize,
  detokenize,
  request,
  request_stream,
  cancel_request,
  embeddings,
};

enum class RouteFit : std::uint8_t { found, no_such_path, wrong_method };

struct RouteMatch {
  RouteFit fit = RouteFit::no_such_path;
  Route route = Route::live;         // when found
  std::string_view label = "other";  // the path as metrics know it
  std::string rest;                  // of the path, for routes that name a thing
  bool open = false;                 // needs no key
  std::string allowed;               // the methods of a known path, for the field `Allow`
};

/// HEAD is served wherever GET is; OPTIONS is `wrong_method` with `allowed` set.
[[nodiscard]] RouteMatch find_route(HttpMethod method, std::string_view path);

}  // namespace troupe::transport
