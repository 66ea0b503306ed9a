#include "transport/http_router.h"

#include <optional>

namespace troupe::transport {
namespace {

enum class Reach : std::uint8_t {
  exact,
  names_a_thing,  // the rest of the path is a name
  names_a_word,   // likewise, but it has no slash
  in_a_word,      // a name without a slash, and then `tail`
};
enum class Guard : std::uint8_t { open, needs_key };

struct Entry {
  std::string_view path;
  Reach reach;
  HttpMethod method;
  Route route;
  Guard guard;
  std::string_view tail{};
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
    {"/v1/requests/", Reach::names_a_word, HttpMethod::get, Route::request, Guard::needs_key},
    {"/v1/requests/", Reach::names_a_word, HttpMethod::remove, Route::cancel_request,
     Guard::needs_key},
    {"/v1/requests/", Reach::in_a_word, HttpMethod::get, Route::request_stream, Guard::needs_key,
     "/stream"},
};

// What an entry leaves of the path as a name; none when it is not its path.
std::optional<std::string_view> name_in(const Entry& entry, std::string_view path) {
  if (entry.reach == Reach::exact) {
    return path == entry.path ? std::optional<std::string_view>("") : std::nullopt;
  }
  if (!path.starts_with(entry.path) || !path.ends_with(entry.tail) ||
      path.size() <= entry.path.size() + entry.tail.size()) {
    return std::nullopt;
  }
  path.remove_prefix(entry.path.size());
  path.remove_suffix(entry.tail.size());
  const auto is_name =
      entry.reach == Reach::names_a_thing || path.find('/') == std::string_view::npos;
  return is_name ? std::optional(path) : std::nullopt;
}

std::string allowed_by(HttpMethod method) {
  return std::string(method == HttpMethod::get ? "GET, HEAD" : to_string(method)) + ", ";
}

}  // namespace

RouteMatch find_route(HttpMethod method, std::string_view path) {
  RouteMatch match;
  for (const auto& entry : kEntries) {
    const auto name = name_in(entry, path);
    if (!name) {
      continue;
    }
    match.route = entry.route;
    match.label = entry.path;
    match.open = entry.guard == Guard::open;
    match.rest = *name;
    if (method == entry.method || (method == HttpMethod::head && entry.method == HttpMethod::get)) {
      match.fit = RouteFit::found;
      return match;
    }
    match.fit = RouteFit::wrong_method;
    match.allowed += allowed_by(entry.method);
  }
  if (match.fit == RouteFit::wrong_method) {
    match.allowed += "OPTIONS";
  }
  return match;
}

}  // namespace troupe::transport
