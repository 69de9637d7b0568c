// A keeper that the test plays: its end of the socket pair, packet by packet.
#pragma once

#include "backends/native/protocol.hpp"
#include "tests/support/catch.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace duende::test {

/// The keeper's end of a socket pair.
struct played_keeper {
  played_keeper() {
    int pair[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    theirs = pair[0];
    own = pair[1];
  }
  ~played_keeper() { close(own); }
  template <class Message>
  void say(const Message& message, int version = protocol::version) {
    std::string packet;
    encode(packet, message);
    packet[3] = static_cast<char>(version);
    CHECK(send(own, packet.data(), packet.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(packet.size()));
  }
  /// What the node asks next; nothing where it does not within `ms`.
  protocol::kind next(int ms = 10'000) {
    pollfd one{own, POLLIN, 0};
    char buffer[4096];
    protocol::header head;
    if (poll(&one, 1, ms) != 1)
      return {};
    auto size = recv(own, buffer, sizeof buffer, 0);
    REQUIRE(size > 0);
    packet.assign(buffer, static_cast<std::size_t>(size));
    REQUIRE(protocol::read_header(packet, head));
    return head.kind;
  }
  std::string packet; ///< what `next` was about
  int theirs = -1, own = -1;
};

} // namespace duende::test
