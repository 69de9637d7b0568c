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
  std::vector<int> fds; ///< beside it, copies of our own
};

constexpr std::size_t max_fds = 253; ///< SCM_MAX_FD of the kernel

/// Reads the first datagram and leaves it on the socket, also the descriptors beside it.
peeked peek(int fd, std::array<char, notify_max_bytes>& buffer, bool with_fds) {
  iovec data{buffer.data(), buffer.size()};
  // Where nobody wants them there is room for credentials only: descriptors find none and the kernel drops them.
  constexpr auto for_sender = CMSG_SPACE(sizeof(ucred));
  alignas(cmsghdr) std::array<char, for_sender + CMSG_SPACE(max_fds * sizeof(int))> control;
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = with_fds ? control.size() : for_sender;
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
    } else if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
      const auto old = result.fds.size();
      result.fds.resize(old + (header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
      std::memcpy(result.fds.data() + old, CMSG_DATA(header), (result.fds.size() - old) * sizeof(int));
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
  fd_callback on_descriptors;
  std::atomic<bool> open{false};

  impl(reactor& r, int descriptor, callback fn, fd_callback fds)
    : on(r), fd(descriptor), on_message(std::move(fn)), on_descriptors(std::move(fds)) {}
  ~impl() { ::close(fd); }

  void shut() {
    if (open.exchange(false)) {
      on.remove(fd);
    }
  }

  void readable() {
    std::array<char, notify_max_bytes> buffer;
    for (int turn = 0; turn < max_per_turn && open; ++turn) {
      auto [size, sender, fds] = peek(fd, buffer, static_cast<bool>(on_descriptors));
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
        auto message = parse_notify({buffer.data(), length});
        if (on_descriptors && (!fds.empty() || message.fd_store || message.fd_store_remove))
          on_descriptors(message, sender, fds);
        on_message(message, sender);
      }
      for (int each : fds)
        if (each >= 0)
          ::close(each);
      consume(fd);
    }
  }
};

notify_channel::notify_channel(reactor& on, int fd, callback on_message, fd_callback on_descriptors)
  : impl_(std::make_shared<impl>(on, fd, std::move(on_message), std::move(on_descriptors))) {
  int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
  impl_->open = true; // before add: the first datagram may be served before it returns
  if (!on.add(fd, EPOLLIN, [self = impl_](std::uint32_t) { self->readable(); })) {
    impl_->open = false;
  }
}

notify_channel::~notify_channel() { impl_->shut(); }

std::function<void()> notify_channel::reader() const {
  return [self = impl_] { self->readable(); };
}

bool notify_channel::watching() const { return impl_->open; }

} // namespace duende
