// One request and its response on one connection.
#pragma once

#include "actors/api/connection.hpp"
#include "actors/api/routes.hpp"

namespace duende::api {

/// Reads a request, answers it, closes. Bounded: 10 s for the head, 30 s for the body, 30 s for the response;
/// a stream lasts as long as its peer reads. Returns the size of the body sent, for the caller to judge what it cost.
std::size_t serve(connection& peer, const api_context& context);

/// Tells a peer that there is no room for it; never blocks. Closes `fd`.
void turn_away(int fd);

} // namespace duende::api
