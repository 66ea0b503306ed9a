#include "transport/http_gate.h"

#include "transport/api_key.h"
#include "transport/error_reply.h"

namespace troupe::transport {
namespace {

bool is_json(std::string_view content_type) {
  constexpr std::string_view kJson = "application/json";
  if (content_type.size() < kJson.size()) {
    return false;
  }
  for (std::size_t i = 0; i < kJson.size(); ++i) {
    const auto character = content_type[i];
    const auto lower =
        character >= 'A' && character <= 'Z' ? static_cast<char>(character + 32) : character;
    if (lower != kJson[i]) {
      return false;
    }
  }
  const auto rest = content_type.substr(kJson.size());
  return rest.empty() || rest.front() == ';' || rest.front() == ' ';
}

HttpReply wrong_method(const HttpHead& head, const RouteMatch& match) {
  HttpReply reply;
  if (head.method == HttpMethod::options) {
    reply.status = 204;
  } else {
    reply = status_reply(405, "this path takes " + match.allowed);
  }
  reply.fields.emplace_back("Allow", match.allowed);
  return reply;
}

HttpReply no_such_path(const HttpHead& head) {
  // The one request of HTTP that names no path.
  if (head.method == HttpMethod::options && head.path == "*") {
    HttpReply reply;
    reply.status = 204;
    reply.fields.emplace_back("Allow", "GET, HEAD, POST, DELETE, OPTIONS");
    return reply;
  }
  return status_reply(404, "there is no such path here; the API is under /v1");
}

}  // namespace

std::optional<HttpReply> judge_head(const HttpHead& head,
                                    const RouteMatch& match,
                                    const KeyRing& keys) {
  if (!match.open && !keys.tenant_of(bearer_key(head.authorization))) {
    return error_reply({ErrorCode::unauthorized,
                        "the header Authorization: Bearer with a valid key is needed",
                        {}},
                       {});
  }
  if (match.fit == RouteFit::no_such_path) {
    return no_such_path(head);
  }
  if (match.fit == RouteFit::wrong_method) {
    return wrong_method(head, match);
  }
  if (match.route == Route::embeddings) {
    return status_reply(404, "this server has no embedding model; it serves completions");
  }
  if (head.method == HttpMethod::post && !is_json(head.content_type)) {
    return status_reply(415, "the body must have the Content-Type application/json");
  }
  return std::nullopt;
}

}  // namespace troupe::transport
