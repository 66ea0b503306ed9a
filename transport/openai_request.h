// The bodies of the OpenAI API, from JSON to requests of the engine. Pure functions; they know no
// socket, no model and no header.
#pragma once

#include "engine/api/request.h"
#include "engine/base/result.h"
#include "transport/json_value.h"
#include "transport/request_terms.h"
#include "transport/sampling_fields.h"
#include "transport/server_options.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {

/// How usage is told in a stream.
enum class UsageReports : std::uint8_t { none, last_chunk, every_chunk };

/// One call to /v1/completions or /v1/chat/completions.
struct CompletionOrder {
  Endpoint endpoint = Endpoint::completions;
  std::vector<GenerateRequest> requests;  // one for each prompt; their places are choice indices
  std::vector<std::string> echoes;        // prompts that the answer repeats; empty, or one for each
  bool stream = false;
  UsageReports usage_reports = UsageReports::none;
  RequestTerms terms;  // the same for all
  std::vector<std::string> ignored_fields;
};

struct RequestRules {
  std::size_t max_prompts = 32;
  UnknownFields unknown_fields = UnknownFields::name_in_answer;
};

/// Errors: `invalid_json` when `body` is no object, `invalid_value`, `unsupported`; `param` is the
/// field.
[[nodiscard]] Result<CompletionOrder> parse_completion(Endpoint endpoint,
                                                       JsonValue body,
                                                       const RequestRules& rules);

/// Puts the order's terms into its requests, for `tenant` at a server that serves `model`.
void apply_terms(CompletionOrder& order, const std::string& tenant, const ModelCard& model);

/// What /tokenize asks: `{"prompt": …}` or `{"messages": […]}`, and a model. Errors likewise.
[[nodiscard]] Result<GenerateRequest> parse_tokenize(JsonValue body);

/// What /detokenize asks.
struct DetokenizeOrder {
  std::string model;
  std::vector<TokenId> tokens;
};

[[nodiscard]] Result<DetokenizeOrder> parse_detokenize(JsonValue body, std::size_t max_tokens);

}  // namespace troupe::transport
