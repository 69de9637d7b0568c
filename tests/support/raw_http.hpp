// HTTP as bytes on a unix socket, well-formed or not, for the tests of the API.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace duende::test {

class raw_connection {
public:
  explicit raw_connection(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    connected = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~raw_connection() { close(fd_); }
  raw_connection(const raw_connection&) = delete;
  raw_connection& operator=(const raw_connection&) = delete;

  bool send(std::string_view text) {
    while (!text.empty()) {
      auto n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0)
        return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Until the peer closes, `until` was seen, or 10 s have passed without a byte.
  std::string receive(std::string_view until = {}) {
    std::string all;
    std::size_t seen = 0; // no `until` begins before
    char bytes[16384];
    pollfd waiting{fd_, POLLIN, 0};
    while ((until.empty() || all.find(until, seen) == std::string::npos) && poll(&waiting, 1, 10'000) > 0) {
      seen = all.size() - std::min(all.size(), until.size());
      auto n = read(fd_, bytes, sizeof bytes);
      if (n <= 0)
        break;
      all.append(bytes, static_cast<std::size_t>(n));
    }
    return all;
  }

  bool connected = false;

private:
  int fd_;
};

struct raw_response {
  int status = 0; ///< 0: the connection ended without one
  std::string head, body;
};

inline raw_response parse_response(const std::string& text) {
  raw_response result;
  auto end = text.find("\r\n\r\n");
  if (text.size() < 12 || end == std::string::npos)
    return result;
  result.status = std::atoi(text.c_str() + 9);
  result.head = text.substr(0, end + 4);
  result.body = text.substr(end + 4);
  return result;
}

/// Sends `text` as it stands and reads to the end.
inline raw_response exchange_raw(const std::string& path, std::string_view text) {
  raw_connection peer{path};
  peer.send(text);
  return parse_response(peer.receive());
}

inline raw_response ask(
  const std::string& path, std::string_view method, std::string_view target, std::string_view body = {},
  std::string_view headers = {}) {
  auto text =
    std::string{method} + " " + std::string{target} + " HTTP/1.1\r\nHost: localhost\r\n" + std::string{headers};
  if (!body.empty())
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return exchange_raw(path, text + "\r\n" + std::string{body});
}

} // namespace duende::test
