#include "transport/http_router.h"

namespace troupe::transport {
namespace {

enum class Reach : std::uint8_t { exact, names_a_thing };
enum class Guard : std::uint8_t { open, needs_key };

struct Entry {
  std::string_view path;
  Reach reach;
  HttpMethod method;
  Route route;
  Guard guard;
};

constexpr Entry kEntries[] = {
    {"/live", Reach::exact, HttpMethod::get, Route::live, Guard::open},
    {"/health", Reach::exact, HttpMethod::get, Route::health, Guard::open},
    {"/ready", Reach::exact, HttpMethod::get, Route::ready, Guard::open},
    {"/version", Reach::exact, HttpMethod::get, Route::version, Guard::needs_key},
    {"/load", Reach::exact, HttpMethod::get, Route::load, Guard::needs_key},
    {"/metrics", Reach::exact, HttpMethod::get, Route::metrics, Guard::needs_key},
    {"/v1/models", Reach::exact, HttpMethod::get, Route::models, Guard::needs_key},
    {"/v1/models/", Reach::names_a_thing, HttpMethod::get, Route::model, Guard::needs_key},
    {"/v1/completions", Reach::exact, HttpMethod::post, Route::completions, Guard::needs_key},
    {"/v1/chat/completions", Reach::exact, HttpMethod::post, Route::chat_completions,
     Guard::needs_key},
    {"/v1/embeddings", Reach::exact, HttpMethod::post, Route::embeddings, Guard::needs_key},
    {"/tokenize", Reach::exact, HttpMethod::post, Route::tokenize, Guard::needs_key},
    {"/detokenize", Reach::exact, HttpMethod::post, Route::detokenize, Guard::needs_key},
    {"/v1/requests/", Reach::names_a_thing, HttpMethod::remove, Route::cancel_request,
     Guard::needs_key},
};

bool reaches(const Entry& entry, std::string_view path) {
  if (entry.reach == Reach::exact) {
    return path == entry.path;
  }
  return path.size() > entry.path.size() && path.starts_with(entry.path);
}

std::string allowed_methods(HttpMethod method) {
  return method == HttpMethod::get ? "GET, HEAD, OPTIONS"
                                   : std::string(to_string(method)) + ", OPTIONS";
}

}  // namespace

RouteMatch find_route(HttpMethod method, std::string_view path) {
  for (const auto& entry : kEntries) {
    if (!reaches(entry, path)) {
      continue;
    }
    RouteMatch match;
    const auto served =
        method == entry.method || (method == HttpMethod::head && entry.method == HttpMethod::get);
    match.fit = served ? RouteFit::found : RouteFit::wrong_method;
    match.route = entry.route;
    match.label = entry.path;
    match.open = entry.guard == Guard::open;
    match.allowed = allowed_methods(entry.method);
    if (entry.reach == Reach::names_a_thing) {
      match.rest = path.substr(entry.path.size());
    }
    return match;
  }
  return {};
}

}  // namespace troupe::transport
