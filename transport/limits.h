// Every bound of the transport, with its name. What happens at each stands beside it.
#pragma once

#include "engine/base/time.h"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace troupe::transport {

inline constexpr std::size_t kKibibyte = 1024;
inline constexpr std::size_t kMebibyte = 1024 * kKibibyte;

struct Limits {
  // The head of an HTTP request.
  std::size_t max_request_line_bytes = 8 * kKibibyte;  // beyond: 414
  std::size_t max_head_bytes = 16 * kKibibyte;         // beyond: 431
  std::size_t max_head_fields = 100;                   // beyond: 431
  Duration head_time = std::chrono::seconds(5);        // from its first byte; beyond: 408

  // The body of an HTTP request.
  std::size_t max_body_bytes = 4 * kMebibyte;          // beyond: 413, unread
  std::size_t max_total_body_bytes = 256 * kMebibyte;  // of all connections; beyond: 503
  Duration body_time = std::chrono::seconds(15);       // beyond: 408
  Duration body_grace = std::chrono::seconds(2);       // before the rate below is asked for
  std::size_t min_body_bytes_per_second = kKibibyte;   // below: 408

  // JSON, wherever it comes from.
  std::size_t max_json_depth = 64;        // beyond: invalid_json
  std::size_t max_json_values = 200'000;  // beyond: invalid_json
  std::size_t max_prompts = 32;           // in one completion request; beyond: invalid_value
  std::size_t max_client_id_bytes = 128;  // of an id that a client chose; beyond: not taken
  std::size_t max_detokenized = 131'072;  // tokens of one /detokenize; beyond: invalid_value

  // Connections.
  std::size_t max_connections = 1024;                      // beyond: told so and closed
  std::size_t max_connections_per_address = 64;            // likewise; loopback is exempt
  Duration idle_time = std::chrono::seconds(60);           // without a request; beyond: closed
  Duration linger_time = std::chrono::seconds(2);          // for the peer to read a last answer
  Duration accept_pause = std::chrono::milliseconds(100);  // when the system has no descriptor left

  // What waits for a client to read it.
  std::size_t coalesce_bytes = 64 * kKibibyte;     // beyond: deltas of a stream are merged
  std::size_t max_outbox_bytes = 8 * kMebibyte;    // beyond: closed, `slow_consumer`
  std::size_t max_answer_bytes = 64 * kMebibyte;   // of one not streamed; beyond: cancelled, 503
  Duration stall_time = std::chrono::seconds(30);  // no byte taken; beyond: closed, `slow_consumer`
  Duration ping_time = std::chrono::seconds(30);   // silence of a stream before a comment is sent
  std::int32_t socket_send_bytes = 64 * kKibibyte;  // the kernel's share of the outbox

  // Calls whose connection has gone. Beyond: the one that lost its own first is forgotten.
  std::size_t max_remembered_calls = 16'384;

  // The line protocol.
  std::size_t max_line_bytes = 4 * kMebibyte;           // beyond: error and close
  std::size_t max_stranger_line_bytes = 4 * kKibibyte;  // the same before the key was shown
  std::size_t max_line_problems = 16;    // lines that are no commands; beyond: closed
  std::size_t max_live_requests = 1024;  // of one connection; beyond: `queue_full`

  // Questions to the service.
  Duration answer_time = std::chrono::seconds(2);  // for status, metrics; beyond: `unhealthy`
};

}  // namespace troupe::transport
