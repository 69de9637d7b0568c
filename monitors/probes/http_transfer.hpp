// One request as libcurl knows it. Private to the HTTP client.
#pragma once

#include "monitors/probes/curl_library.hpp"
#include "monitors/probes/http_client.hpp"

#include <array>
#include <memory>
#include <string>

namespace duende {

constexpr std::size_t max_body = 64 * 1024;

struct http_request_state {
  http_request request;
  std::shared_ptr<one_shot<http_reply>> answer;
};
using http_request_ptr = std::shared_ptr<http_request_state>;

/// One libcurl handle and what it points to.
struct http_transfer {
  const curl_library& curl;
  http_request_ptr what;
  CURL* easy = nullptr;
  curl_slist* pinned = nullptr;
  curl_slist* headers = nullptr;
  std::size_t received = 0;
  http_reply kept; ///< body and headers of a POST
  std::array<char, CURL_ERROR_SIZE> error{};

  http_transfer(const curl_library& library, http_request_ptr request) : curl(library), what(std::move(request)) {}
  http_transfer(const http_transfer&) = delete;
  http_transfer& operator=(const http_transfer&) = delete;
  ~http_transfer() {
    if (easy != nullptr) {
      curl.easy_cleanup(easy);
    }
    curl.slist_free_all(pinned);
    curl.slist_free_all(headers);
  }

  static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& own = *static_cast<http_transfer*>(self);
    own.received += size * count;
    if (own.received > max_body)
      return 0; // ends the transfer
    if (!own.what->request.post.empty())
      own.kept.body.append(data, size * count);
    return size * count;
  }

  static std::size_t take_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto& to = static_cast<http_transfer*>(self)->kept.headers;
    if (to.size() + size * count > max_body)
      return 0;
    to.append(data, size * count);
    return size * count;
  }

  bool prepare_post() {
    auto& request = what->request;
    bool ok = set(
      CURLOPT_HTTP_VERSION,
      static_cast<long>(request.http2 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_1_1));
    ok = ok && set(CURLOPT_POST, 1L);
    ok = ok && set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request.post.size()));
    ok = ok && set(CURLOPT_POSTFIELDS, request.post.data());
    ok = ok && set(CURLOPT_HEADERFUNCTION, &take_header);
    ok = ok && set(CURLOPT_HEADERDATA, this);
    for (auto& line : request.headers) {
      auto* longer = ok ? curl.slist_append(headers, line.c_str()) : nullptr;
      ok = longer != nullptr;
      headers = ok ? longer : headers;
    }
    return ok && set(CURLOPT_HTTPHEADER, headers);
  }

  bool prepare_socket(const std::string& path) {
    return path.starts_with('@') ? set(CURLOPT_ABSTRACT_UNIX_SOCKET, path.c_str() + 1)
                                 : set(CURLOPT_UNIX_SOCKET_PATH, path.c_str());
  }

  bool prepare() {
    easy = curl.easy_init();
    if (easy == nullptr) {
      return false;
    }
    // Whoever asked has a timer; this is for one that forgot.
    auto limit = std::chrono::ceil<std::chrono::milliseconds>(what->request.timeout) + std::chrono::seconds(1);
    bool ok = set(CURLOPT_URL, what->request.url.c_str());
    ok = ok && set(CURLOPT_FOLLOWLOCATION, 0L);
    ok = ok && set(CURLOPT_TIMEOUT_MS, static_cast<long>(limit.count()));
    ok = ok && set(CURLOPT_NOSIGNAL, 1L);
    ok = ok && set(CURLOPT_PROXY, ""); // the node's http_proxy is not meant for its own daemons
    ok = ok && set(CURLOPT_FRESH_CONNECT, 1L);
    ok = ok && set(CURLOPT_FORBID_REUSE, 1L);
    ok = ok && set(CURLOPT_BUFFERSIZE, static_cast<long>(max_body));
    ok = ok && set(CURLOPT_USERAGENT, "duende/" DUENDE_VERSION);
    ok = ok && set(CURLOPT_WRITEFUNCTION, &take_body);
    ok = ok && set(CURLOPT_WRITEDATA, this);
    ok = ok && set(CURLOPT_PRIVATE, this);
    ok = ok && set(CURLOPT_ERRORBUFFER, error.data());
    if (!what->request.pinned.empty()) {
      pinned = curl.slist_append(nullptr, what->request.pinned.c_str());
      ok = ok && pinned != nullptr && set(CURLOPT_RESOLVE, pinned);
    }
    if (!what->request.post.empty())
      ok = ok && prepare_post();
    if (!what->request.unix_socket.empty())
      ok = ok && prepare_socket(what->request.unix_socket);
    return ok;
  }

  template <class T>
  bool set(CURLoption option, T value) {
    return curl.easy_setopt(easy, option, value) == CURLE_OK;
  }

  http_reply reply(CURLcode code) {
    http_reply result = std::move(kept);
    bool cut_off_by_us = code == CURLE_WRITE_ERROR && received > max_body;
    if (code == CURLE_OK || cut_off_by_us) {
      curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &result.status);
    } else {
      result.error = error[0] != '\0' ? error.data() : curl.easy_strerror(code);
    }
    return result;
  }
};

} // namespace duende
