#include "monitors/probes/notify.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace duende {

namespace {

/// A daemon that floods its socket gets this many turns, then others do.
constexpr int max_per_turn = 16;

struct peeked {
  ssize_t size = -1; ///< the datagram's own length, also where it exceeds the buffer; < 0: errno
  pid_t sender = 0;
};

/// Reads the first datagram and leaves it on the socket.
peeked peek(int fd, std::array<char, notify_max_bytes>& buffer) {
  iovec data{buffer.data(), buffer.size()};
  // Room for credentials only: descriptors sent along (FDSTORE, BARRIER) find none and the kernel drops them.
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  peeked result;
  result.size = ::recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
  if (result.size < 0) {
    return result;
  }
  for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials{};
      std::memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
      result.sender = credentials.pid;
    }
  }
  return result;
}

void consume(int fd) {
  char byte = 0;
  [[maybe_unused]] auto n = ::recv(fd, &byte, 1, MSG_DONTWAIT);
}

} // namespace

struct notify_channel::impl {
  reactor& on;
  int fd;
  callback on_message;
  std::atomic<bool> open{false};

  impl(reactor& r, int descriptor, callback fn) : on(r), fd(descriptor), on_message(std::move(fn)) {}
  ~impl() { ::close(fd); }

  void shut() {
    if (open.exchange(false)) {
      on.remove(fd);
    }
  }

  void readable() {
    std::array<char, notify_max_bytes> buffer;
    for (int turn = 0; turn < max_per_turn && open; ++turn) {
      auto [size, sender] = peek(fd, buffer);
      if (size < 0) {
        if (errno != EAGAIN && errno != EINTR) {
          shut(); // it would be readable for ever
        }
        return;
      }
      auto length = static_cast<std::size_t>(size);
      if (length > buffer.size()) {
        notify_message refused;
        refused.problems.push_back(
          "a datagram of " + std::to_string(length) + " bytes is over the limit of " + std::to_string(buffer.size()));
        on_message(refused, sender);
      } else if (length > 0) {
        on_message(parse_notify({buffer.data(), length}), sender);
      }
      consume(fd);
    }
  }
};

notify_channel::notify_channel(reactor& on, int fd, callback on_message)
  : impl_(std::make_shared<impl>(on, fd, std::move(on_message))) {
  int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
  impl_->open = true; // before add: the first datagram may be served before it returns
  if (!on.add(fd, EPOLLIN, [self = impl_](std::uint32_t) { self->readable(); })) {
    impl_->open = false;
  }
}

notify_channel::~notify_channel() { impl_->shut(); }

bool notify_channel::watching() const { return impl_->open; }

} // namespace duende
