#include "transport/error_reply.h"

#include "transport/error_table.h"

#include <algorithm>
#include <chrono>

namespace troupe::transport {
namespace {

void add_retry_fields(HttpReply& reply, Duration wait) {
  using std::chrono::ceil;
  const auto seconds = std::max(ceil<std::chrono::seconds>(wait), std::chrono::seconds(1));
  const auto milliseconds = ceil<std::chrono::milliseconds>(wait);
  reply.fields.emplace_back("Retry-After", std::to_string(seconds.count()));
  reply.fields.emplace_back("retry-after-ms", std::to_string(milliseconds.count()));
}

}  // namespace

HttpReply error_reply(const Error& error, const DrainRate& drain_rate) {
  HttpReply reply;
  reply.status = look_of(error).status;
  reply.body = format_error(error);
  switch (reply.status) {
    case 401:
      reply.fields.emplace_back("WWW-Authenticate", "Bearer");
      break;
    case 429:
    case 503:
      add_retry_fields(reply, drain_rate.advice());
      break;
    case 504:
      reply.fields.emplace_back("x-should-retry", "false");
      break;
    default:
      break;
  }
  return reply;
}

HttpReply status_reply(std::int32_t status, std::string message) {
  HttpReply reply;
  reply.status = status;
  reply.body = format_error(look_of_status(status), std::move(message));
  if (status == 503) {
    add_retry_fields(reply, DrainRate::kUnknown);
  }
  return reply;
}

}  // namespace troupe::transport
