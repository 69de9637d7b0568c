// HTTP requests of probes: all on one thread, which exists only while there are some.
#pragma once

#include "core/time.hpp"
#include "monitors/probes/one_shot.hpp"

#include <memory>
#include <string>

namespace duende {

struct http_request {
  std::string url;
  /// HOST:PORT:ADDRESS[,ADDRESS] for a host that is a name: libcurl's own resolver can't be cancelled without waiting for it.
  std::string pinned;
  duration timeout{};
};

struct http_reply {
  long status = 0;
  std::string error;        ///< empty: `status` is the server's answer
  bool unsupported = false; ///< there is no libcurl
};

/// A request under way. Whoever drops it cancels it.
class http_call {
public:
  virtual ~http_call() = default;
};

/// GET without following redirects. Delivers from the client's thread. Thread-safe.
std::unique_ptr<http_call> http_get(http_request request, std::shared_ptr<one_shot<http_reply>> answer);

} // namespace duende
