// One request and its response on one connection.
#pragma once

#include "actors/api/connection.hpp"
#include "actors/api/routes.hpp"

namespace duende::api {

/// Reads a request, answers it, closes. Bounded: 10 s for the head and a handshake before it, 30 s for the body, 30 s for the
/// response; a stream lasts as long as its peer reads. Who may not ask is refused before the body is read. Returns the size of
/// the body sent, for the caller to judge what it cost. `peer` is null afterwards where somebody else goes on with the response.
std::size_t
serve(std::unique_ptr<connection>& peer, const api_context& context, const tls_identity* identity = nullptr);

/// Tells a peer that there is no room for it; never blocks. Closes `fd`.
void turn_away(int fd);
/// 403 for who connects to the unix socket of another user's node.
void turn_stranger_away(int fd);

} // namespace duende::api
