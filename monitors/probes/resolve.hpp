// Names to addresses without holding up whoever asks: getaddrinfo(3) has no time limit, so it runs on threads of its own.
#pragma once

#include "monitors/probes/endpoint.hpp"
#include "monitors/probes/one_shot.hpp"

#include <memory>
#include <string>
#include <vector>

namespace duende {

struct resolved {
  std::vector<socket_address> addresses; ///< with the port asked for; at most 8
  std::string error; ///< "cannot resolve 'db': Name or service not known"; empty: there are addresses
};

/// Delivers from another thread. Equal names asked for at the same time share one look-up; at most 64 names are looked up at a time,
/// more wait their turn. Thread-safe.
void resolve(const std::string& host, std::uint16_t port, std::shared_ptr<one_shot<resolved>> answer);

} // namespace duende
