// Errors that a user, a file, a peer or a device can cause, as values.
#pragma once

#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace troupe {

/// What kind of thing went wrong. The transport maps each to a status; nothing else does.
enum class ErrorCode : std::uint8_t {
  invalid_json,             // the bytes are not the JSON they should be
  invalid_value,            // a field has a value outside its range
  unsupported,              // a known field or feature that this server does not offer
  context_length_exceeded,  // prompt + max_tokens beyond the model's length
  never_fits,               // cannot fit the whole KV cache
  not_found,                // no such model, request, route or file
  unauthorized,             // key missing or wrong
  resource_exhausted,       // a bounded resource of ours is used up
  queue_full,               // the waiting queue is at its limit
  loading,                  // the engine is not ready yet
  draining,                 // the server is shutting down
  unhealthy,                // the engine was given up
  deadline_exceeded,        // the request's own deadline passed
  cancelled,                // the client asked for it, or left
  slow_consumer,            // the client reads too slowly
  worker_lost,              // retries after crashed steps are used up
  invalid_model,            // a model file that cannot be used
  device,                   // the device refused or failed
  io,                       // the operating system refused
  internal,                 // a bug of ours
};

/// The code's name as clients and logs see it, e.g. `"queue_full"`.
[[nodiscard]] std::string_view to_string(ErrorCode code);

/// One failure. `message` says what was wrong, where, and what would be right.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string param;  // the request field at fault, or empty

  friend bool operator==(const Error&, const Error&) = default;
};

/// A value or the `Error` that stands in its place.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

/// `return fail(ErrorCode::io, "…");` in a function that returns any `Result`.
[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code,
                                                std::string message,
                                                std::string param = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(param)});
}

/// Passes an error on from one `Result` to another: `return pass(std::move(result));`
template <class T>
[[nodiscard]] tl::unexpected<Error> pass(Result<T>&& result) {
  return tl::unexpected<Error>(std::move(result).error());
}

}  // namespace troupe
