// Sending: directly where the socket takes it, else queued until the reactor says it does.
#include "backends/native/link_impl.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace duende {
namespace {

constexpr std::size_t queue_limit = 64u << 20;
constexpr auto shortage_pause = std::chrono::milliseconds{10};
constexpr std::size_t inline_limit = protocol::max_packet / 2; ///< the rest by memfd: a socket's buffer may be small

/// A sealed memfd with `content`; -1 with errno.
int as_memfd(const std::string& content) {
  int fd = memfd_create("duende-request", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0)
    return -1;
  std::size_t done = 0;
  while (done < content.size()) {
    auto count = write(fd, content.data() + done, content.size() - done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0) {
      close(fd);
      return -1;
    }
    done += static_cast<std::size_t>(count);
  }
  fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
  return fd;
}

} // namespace

keeper_link::impl::sent keeper_link::impl::put(const std::string& packet, int memfd) {
  iovec part{const_cast<char*>(packet.data()), packet.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (memfd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    auto* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(head), &memfd, sizeof memfd);
  }
  for (;;) {
    if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
      return sent::done;
    if (errno == EAGAIN)
      return sent::blocked;
    if (errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS)
      return sent::
        later; // the kernel is short of memory, or too many descriptors are under way: no event tells the end of it
    if (errno != EINTR)
      return sent::failed; // the keeper is gone: receiving tells
  }
}

bool keeper_link::impl::overloaded(std::size_t more) const { return queued_bytes + more > queue_limit; }

void keeper_link::impl::submit(std::string packet, int memfd, sent why) {
  queued_bytes += packet.size();
  queue.push_back({std::move(packet), memfd});
  if (why == sent::later)
    flush_soon();
  else if (watched)
    io.modify(fd, EPOLLIN | EPOLLOUT);
}

void keeper_link::impl::flush_soon() {
  io.after(shortage_pause, [link = weak_from_this()] {
    if (auto self = link.lock(); self && !self->closed)
      self->flush();
  });
}

template <class Message>
void keeper_link::impl::send(const Message& message, int beside) {
  std::string problem;
  {
    std::lock_guard lock{sending};
    protocol::encode(scratch, message);
    int memfd = beside;
    if (scratch.size() > protocol::max_request)
      problem = fmt::format(
        "its arguments and environment take {} bytes, the limit is {}", scratch.size(), protocol::max_request);
    else if (overloaded(scratch.size()))
      problem = "the keeper does not read its requests";
    else if (scratch.size() > inline_limit) {
      memfd = as_memfd(scratch);
      if (memfd < 0)
        problem = fmt::format("cannot create a memory file: {}", std::strerror(errno));
      if constexpr (std::is_same_v<Message, protocol::spawn>)
        scratch = protocol::memfd_announcement(Message::type, message.id, message.incarnation);
      else
        scratch = protocol::memfd_announcement(Message::type);
    }
    if (!problem.empty() && beside >= 0)
      close(beside);
    if (problem.empty()) {
      auto result = queue.empty() ? put(scratch, memfd) : sent::blocked;
      if (result == sent::blocked || result == sent::later)
        submit(scratch, memfd, result);
      else if (memfd >= 0)
        close(memfd);
    }
    if (scratch.capacity() > inline_limit * 2)
      scratch = {};
  }
  if (problem.empty())
    return;
  if constexpr (std::is_same_v<Message, protocol::spawn>)
    refuse_launch(message.id, message.incarnation, problem);
  else
    io.post([self = shared_from_this(), problem] {
      self->tell([self, problem] {
        if (self->events.on_refused)
          self->events.on_refused(problem);
      });
    });
}

void keeper_link::impl::refuse_launch(const uuid& id, std::uint32_t incarnation, std::string why) {
  io.post([self = shared_from_this(), failure = launch_failure{id, incarnation, std::move(why)}] {
    self->tell([self, failure] {
      if (self->events.on_launch_failed)
        self->events.on_launch_failed(failure);
    });
  });
}

void keeper_link::impl::flush() {
  std::lock_guard lock{sending};
  while (!queue.empty()) {
    auto& first = queue.front();
    auto result = put(first.packet, first.memfd);
    if (result == sent::blocked)
      return;
    if (result == sent::later) {
      io.modify(fd, EPOLLIN); // it could be written to
      return flush_soon();
    }
    if (first.memfd >= 0)
      close(first.memfd);
    queued_bytes -= first.packet.size();
    queue.pop_front();
  }
  io.modify(fd, EPOLLIN);
}

void keeper_link::impl::on_ready(std::uint32_t ready) {
  if (closed)
    return;
  if ((ready & EPOLLOUT) != 0)
    flush();
  if ((ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !receive())
    lost();
}

#define DUENDE_SENDS(message) template void keeper_link::impl::send(const protocol::message&, int);
DUENDE_SENDS(hello)
DUENDE_SENDS(list)
DUENDE_SENDS(spawn)
DUENDE_SENDS(signal)
DUENDE_SENDS(forget)
DUENDE_SENDS(set_record)
DUENDE_SENDS(main_pid)
DUENDE_SENDS(adopt_orphan)
DUENDE_SENDS(end_orphan)
DUENDE_SENDS(finish)
DUENDE_SENDS(retain_sockets)
DUENDE_SENDS(upgrade)
DUENDE_SENDS(healthy)
DUENDE_SENDS(store_fd)
DUENDE_SENDS(drop_fds)
#undef DUENDE_SENDS

} // namespace duende
