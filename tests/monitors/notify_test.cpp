#include "monitors/probes/notify.hpp"
#include "tests/monitors/probe_support.hpp"
#include "tests/support/catch.hpp"

#include <array>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <future>
#include <mutex>
#include <rapidcheck.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace duende;
using namespace std::chrono_literals;

namespace {

struct socket_pair {
  int daemon = -1;
  int node = -1;
  socket_pair() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    daemon = ends[0];
    node = ends[1];
    int yes = 1;
    REQUIRE(::setsockopt(node, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) == 0);
  }
  ~socket_pair() {
    ::close(daemon);
    ::close(node);
  }
  int node_copy() const { return ::dup(node); }
  void say(std::string_view text) const {
    REQUIRE(::send(daemon, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }
  bool empty() const {
    char byte = 0;
    return ::recv(node, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
  }
};

/// Collects messages until one says STOPPING.
struct listener {
  std::vector<std::pair<notify_message, pid_t>> heard;
  std::promise<void> done;
  notify_channel::callback callback() {
    return [this](const notify_message& message, pid_t sender) {
      heard.emplace_back(message, sender);
      if (message.stopping) {
        done.set_value();
      }
    };
  }
  void wait() { REQUIRE(done.get_future().wait_for(10s) == std::future_status::ready); }
};

} // namespace

TEST_CASE("descriptors beside a message are handed over, and those that nobody takes are closed") {
  socket_pair ends;
  reactor io;
  listener all;
  std::vector<int> taken;
  int pipe_ends[2];
  REQUIRE(::pipe2(pipe_ends, O_CLOEXEC) == 0);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
  std::string text = "FDSTORE=1\nFDNAME=x";
  iovec part{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  auto* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(2 * sizeof(int));
  std::memcpy(CMSG_DATA(head), pipe_ends, 2 * sizeof(int));
  REQUIRE(::sendmsg(ends.daemon, &message, 0) > 0);
  ends.say("STOPPING=1");
  pid_t from = 0;
  {
    notify_channel channel{
      io, ends.node_copy(), all.callback(), [&](const notify_message& m, pid_t sender, std::vector<int>& fds) {
        CHECK(m.fd_name == "x");
        from = sender;
        REQUIRE(fds.size() == 2);
        taken.push_back(std::exchange(fds[0], -1)); // the read end; the write end is closed
      }};
    all.wait();
  }
  CHECK(from == ::getpid());
  REQUIRE(taken.size() == 1);
  ::close(pipe_ends[1]);
  char byte = 0;
  CHECK(::read(taken[0], &byte, 1) == 0); // no writer is left
  ::close(taken[0]);
  ::close(pipe_ends[0]);
}

TEST_CASE("notify_channel tells message and sender, in order") {
  reactor r;
  socket_pair s;
  listener l;
  notify_channel channel(r, s.node_copy(), l.callback());
  REQUIRE(channel.watching());
  s.say("STATUS=one");
  auto pid = ::fork();
  if (pid == 0) {
    ::_exit(::send(s.daemon, "READY=1", 7, 0) == 7 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  s.say("STOPPING=1");
  l.wait();
  REQUIRE(l.heard.size() == 3);
  CHECK(l.heard[0].first.status == "one");
  CHECK(l.heard[0].second == ::getpid());
  CHECK(l.heard[1].first.ready);
  CHECK(l.heard[1].second == pid);
  test::settle(r);
  CHECK(s.empty());
}

TEST_CASE("notify_channel survives floods, empty, oversized and descriptor-laden datagrams") {
  reactor r;
  socket_pair s;
  listener l;
  auto before = ::dup(0);
  ::close(before);
  notify_channel channel(r, s.node_copy(), l.callback());
  REQUIRE(::send(s.daemon, "", 0, 0) == 0);
  s.say(std::string(20'000, 'x'));
  // As sd_notify_barrier(3): it waits until the other end of the pipe is closed.
  std::array<int, 2> barrier{};
  REQUIRE(::pipe(barrier.data()) == 0);
  std::string text = "BARRIER=1";
  iovec data{text.data(), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  *reinterpret_cast<int*>(CMSG_DATA(header)) = barrier[1];
  REQUIRE(::sendmsg(s.daemon, &message, 0) > 0);
  ::close(barrier[1]);
  for (int i = 0; i < 500; ++i) {
    s.say("WATCHDOG=1"); // blocks while the queue is full
  }
  s.say("STOPPING=1");
  l.wait();
  REQUIRE(l.heard.size() == 503);
  CHECK(l.heard[0].first.problems.size() == 1);
  CHECK(l.heard[1].first.problems.empty());
  char byte = 0;
  CHECK(::read(barrier[0], &byte, 1) == 0); // all copies are closed
  ::close(barrier[0]);
}

#if defined(__SANITIZE_THREAD__)
#define DUENDE_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define DUENDE_TSAN
#endif
#endif

#ifndef DUENDE_TSAN // which ends children of a threaded program that start threads
TEST_CASE("a node killed inside its callback leaves the datagram for the next one") {
  socket_pair s;
  s.say("READY=1");
  auto pid = ::fork();
  if (pid == 0) {
    reactor r;
    notify_channel channel(r, s.node_copy(), [](const notify_message&, pid_t) { ::kill(::getpid(), SIGKILL); });
    ::pause();
    ::_exit(1);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFSIGNALED(status));
  reactor r;
  listener l;
  notify_channel channel(r, s.node_copy(), l.callback());
  s.say("STOPPING=1");
  l.wait();
  REQUIRE(l.heard.size() == 2);
  CHECK(l.heard[0].first.ready);
}
#endif

TEST_CASE("a notify_channel may be destroyed by its callback") {
  reactor r;
  socket_pair s;
  std::promise<void> gone;
  std::unique_ptr<notify_channel> channel;
  std::promise<void> set;
  auto is_set = set.get_future().share();
  channel = std::make_unique<notify_channel>(r, s.node_copy(), [&, is_set](const notify_message&, pid_t) {
    is_set.wait();
    channel.reset();
    gone.set_value();
  });
  set.set_value();
  s.say("READY=1");
  s.say("STATUS=later");
  REQUIRE(gone.get_future().wait_for(10s) == std::future_status::ready);
  test::settle(r);
  CHECK_FALSE(s.empty()); // the second waits for whoever comes next
  std::array<char, 64> buffer{};
  CHECK(::recv(s.node, buffer.data(), buffer.size(), MSG_DONTWAIT) == 12);
  CHECK(s.empty());
}
