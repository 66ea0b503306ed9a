// Calls that clients can come back to: what is remembered of one, who may see it, how it stands.
// Shared by both protocols.
#pragma once

#include "engine/api/service.h"
#include "engine/base/result.h"
#include "transport/asio_forward.h"
#include "transport/call_ledger.h"
#include "transport/server_state.h"

#include <memory>
#include <string>
#include <vector>

namespace troupe::transport {

/// What is remembered of a call to be made with `order`, whose answer will have `id`. Its requests
/// are to be added.
[[nodiscard]] KnownCall describe_call(const ServerState& state,
                                      const CompletionOrder& order,
                                      const std::string& tenant,
                                      std::string id);

/// The call that `tenant` knows by `name`. Errors: `not_found`, `loading`.
[[nodiscard]] Result<std::shared_ptr<const KnownCall>> find_call(const ServerState& state,
                                                                 const std::string& tenant,
                                                                 const std::string& name);

/// Whether a second connection may take up the stream of `call`, which was found by `name`. Errors:
/// `invalid_value` for one that belongs to its connection, `unsupported` for one with an echo.
[[nodiscard]] Result<void> check_resumable(const ServerState& state,
                                           const KnownCall& call,
                                           const std::string& name);

/// How the requests of `call` stand. Errors: `not_found` when the result of one is kept no longer,
/// `unhealthy` when the service is silent.
[[nodiscard]] Awaitable<Result<std::vector<RequestSnapshot>>> ask_after(
    std::shared_ptr<ServerState> state, std::shared_ptr<const KnownCall> call);

}  // namespace troupe::transport
