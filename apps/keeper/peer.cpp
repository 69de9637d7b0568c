#include "apps/keeper/peer.hpp"

#include "backends/native/protocol.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace duende::keeper {
namespace {

constexpr std::size_t room = CMSG_SPACE(protocol::max_descriptors * sizeof(int));

} // namespace

transfer send_packet(int socket, std::string_view packet, const int* fds, std::size_t count) {
  iovec part{const_cast<char*>(packet.data()), packet.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[room];
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    memset(control, 0, message.msg_controllen);
    auto* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(head), fds, count * sizeof(int));
  }
  while (sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno == EINTR)
      continue;
    if (errno == EAGAIN)
      return transfer::blocked;
    return errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS ? transfer::later : transfer::gone;
  }
  return transfer::done;
}

transfer receive_packet(int socket, char* buffer, std::size_t size, incoming& out) {
  iovec part{buffer, size};
  alignas(cmsghdr) char control[room];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t count;
  do
    count = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR);
  if (count < 0)
    return errno == EAGAIN ? transfer::blocked : transfer::gone;
  out = {};
  for (auto* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
      continue;
    auto amount = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < amount; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
      if (out.fd < 0)
        out.fd = fd;
      else
        close(fd); // no request brings two
    }
  }
  if (count == 0 && out.fd < 0)
    return transfer::gone; // an empty packet looks the same and is no request either
  out.packet = {buffer, static_cast<std::size_t>(count)};
  out.too_large = (message.msg_flags & MSG_TRUNC) != 0;
  return transfer::done;
}

} // namespace duende::keeper
