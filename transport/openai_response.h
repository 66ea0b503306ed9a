// The answers of the OpenAI API, from events of the engine to JSON. Pure: text is appended to a
// string, and nothing here knows how it travels.
#pragma once

#include "engine/api/event.h"
#include "engine/api/request.h"
#include "transport/sampling_fields.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {

/// What every object of one answer repeats.
struct ResponseIdentity {
  Endpoint endpoint = Endpoint::completions;
  std::string id;
  std::string model;
  std::string fingerprint;
  std::int64_t created = 0;    // seconds since 1970
  std::string service_tier{};  // empty: not told
};

/// How a chunk's member `usage` reads.
enum class ChunkUsage : std::uint8_t { absent, null, running };

/// The counts so far, for `ChunkUsage::running`.
struct ChunkCounts {
  ChunkUsage usage = ChunkUsage::absent;
  std::int32_t num_prompt_tokens = 0;
  std::int32_t num_output_tokens = 0;
};

/// Formats the chunks of one streamed choice and keeps what one chunk must know of those before it.
/// `identity` must outlive it.
class ChunkFormatter {
 public:
  ChunkFormatter(const ResponseIdentity& identity, std::int32_t choice);

  /// The text before has `num_characters`, and the client has it.
  void skip(std::int64_t num_characters) { text_offset_ += num_characters; }

  /// Each appends one JSON object to `out`.
  void append_role(std::string& out, const ChunkCounts& counts) const;
  void append_delta(std::string& out, const Delta& delta, const ChunkCounts& counts);
  void append_echo(std::string& out, std::string_view prompt, const ChunkCounts& counts);
  void append_finish(std::string& out, const Finished& finished, const ChunkCounts& counts) const;

 private:
  void append_text(std::string& out, std::string_view text) const;

  const ResponseIdentity& identity_;
  std::string opening_;           // everything up to the choice's own content
  std::int64_t text_offset_ = 0;  // characters sent so far, for completions' log-probabilities
};

/// The chunk without choices that tells the usage of a whole stream.
void append_usage_chunk(std::string& out, const ResponseIdentity& identity, const Usage& usage);

/// One finished choice of an answer in one piece.
struct WholeChoice {
  std::string_view echo;  // the prompt, when it is to be repeated
  const Delta* delta = nullptr;
  const Finished* finished = nullptr;
};

/// An answer in one piece. `usage` counts all choices together.
void append_whole(std::string& out,
                  const ResponseIdentity& identity,
                  const std::vector<WholeChoice>& choices,
                  const Usage& usage);

/// `{"prompt_tokens":…,"completion_tokens":…,"total_tokens":…,"prompt_tokens_details":{…}}`.
void append_usage(std::string& out, const Usage& usage);

/// `"stop_reason":…`: the token id or the string that matched, or null.
void append_stop_reason(std::string& out, const Finished& finished);

[[nodiscard]] Usage operator+(const Usage& left, const Usage& right);

}  // namespace troupe::transport
