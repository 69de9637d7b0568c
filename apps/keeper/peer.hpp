// The keeper's end of the socket to its node. Never blocks.
#pragma once

#include <cstddef>
#include <string_view>

namespace duende::keeper {

enum class transfer {
  done,
  blocked, ///< EPOLLOUT tells when to go on
  later,   ///< short of memory or too many descriptors in flight: nothing tells
  gone,
};

struct incoming {
  std::string_view packet;
  int fd = -1; ///< a descriptor beside it, owned by the receiver
  bool too_large = false;
};

/// One packet with `count` descriptors beside it.
transfer send_packet(int socket, std::string_view packet, const int* fds, std::size_t count);
/// One packet into `buffer`. `gone` also at the end of the stream.
transfer receive_packet(int socket, char* buffer, std::size_t size, incoming& out);

} // namespace duende::keeper
