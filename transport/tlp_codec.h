// The line protocol, TLP/1: one JSON object a line, both ways. Pure functions of text.
#pragma once

#include "engine/api/event.h"
#include "engine/api/request.h"
#include "engine/api/statistics.h"
#include "engine/base/result.h"
#include "transport/json_value.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::transport {

enum class TlpOperation : std::uint8_t { hello, chat, complete, cancel, resume, ping, stats };

/// One line of a client. Of the members, those that the operation has.
struct TlpCommand {
  TlpOperation operation = TlpOperation::ping;
  std::string id;                    // chat, complete, cancel, resume
  std::string key;                   // hello
  JsonValue body;                    // chat, complete: OpenAI's request body
  std::int32_t from = 0;             // resume: the places of its output that the client has
  std::optional<std::int64_t> echo;  // ping: what the pong repeats
};

/// Why a line is no command, and for which request, if that much could be read.
struct TlpProblem {
  std::string id;  // empty: the connection's own
  Error error;
};

/// Unknown members are ignored. Errors: `invalid_value`, `unsupported`.
[[nodiscard]] tl::expected<TlpCommand, TlpProblem> parse_command(JsonValue line,
                                                                 std::size_t max_id_bytes);

/// What a greeting tells. `model` null: it is loading.
struct TlpGreeting {
  std::string server;
  const ModelCard* model = nullptr;
  bool needs_key = false;
};

/// The place of an event in its request's stream.
struct TlpEventHead {
  std::string_view id;
  std::uint64_t sequence = 0;  // 0, 1, 2, … without a gap
};

/// Each appends one whole line with its end.
void append_greeting(std::string& out, const TlpGreeting& greeting);
void append_welcome(std::string& out);
void append_accepted(std::string& out, const TlpEventHead& head, const Accepted& accepted);
/// `place`: what a client that has heard this may resume from.
void append_delta(std::string& out,
                  const TlpEventHead& head,
                  const Delta& delta,
                  std::optional<std::int32_t> place = std::nullopt);
void append_done(std::string& out, const TlpEventHead& head, const Finished& finished);
void append_failed(std::string& out, const TlpEventHead& head, const Error& error);
void append_pong(std::string& out, const std::optional<std::int64_t>& echo);
void append_stats(std::string& out, const ServiceStatus& status);
void append_draining(std::string& out);

/// An error outside any live request; `id` empty: of the connection itself.
void append_problem(std::string& out, std::string_view id, const Error& error);

}  // namespace troupe::transport
