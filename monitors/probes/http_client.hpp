// HTTP requests of probes: all on one thread, which exists only while there are some.
#pragma once

#include "core/time.hpp"
#include "monitors/probes/one_shot.hpp"

#include <memory>
#include <string>
#include <vector>

namespace duende {

struct http_request {
  std::string url;
  /// HOST:PORT:ADDRESS[,ADDRESS] for a host that is a name: libcurl's own resolver can't be cancelled without waiting for it.
  std::string pinned;
  duration timeout{};
  /// Not empty: a POST of these bytes, whose answer's body and headers are kept.
  std::string post = {};
  std::vector<std::string> headers = {}; ///< "name: value", beside libcurl's own
  bool http2 = false;                    ///< a POST without asking first whether that is spoken (RFC 9113, 3.3)
  std::string unix_socket = {};          ///< a path instead of the address; '@' first: the abstract namespace
};

struct http_reply {
  long status = 0;
  std::string error;        ///< empty: `status` is the server's answer
  bool unsupported = false; ///< there is no libcurl
  std::string body = {};    ///< of a POST
  std::string headers = {}; ///< likewise, the lines of headers and trailers
};

/// A request under way. Whoever drops it cancels it.
class http_call {
public:
  virtual ~http_call() = default;
};

/// GET or POST without following redirects. Delivers from the client's thread. Thread-safe.
std::unique_ptr<http_call> http_get(http_request request, std::shared_ptr<one_shot<http_reply>> answer);

} // namespace duende
