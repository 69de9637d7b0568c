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

TEST_CASE("parse_notify reads every key of sd_notify(3)") {
  auto m =
    parse_notify("READY=1\nSTATUS=Serving é\nMAINPID=4711\nWATCHDOG_USEC=20000000\nEXTEND_TIMEOUT_USEC=5\n"
                 "RELOADING=1\nMONOTONIC_USEC=123\nSTOPPING=1\nERRNO=2\nBUSERROR=org.x\nWATCHDOG=1\nX_OTHER=1\n");
  CHECK(m.ready);
  CHECK(m.reloading);
  CHECK(m.stopping);
  CHECK(m.watchdog);
  CHECK_FALSE(m.watchdog_trigger);
  CHECK(m.status == "Serving é");
  CHECK(m.main_pid == 4711);
  CHECK(m.watchdog_interval == duration{20s});
  CHECK(m.extend_timeout == duration{5us});
  CHECK(m.monotonic_at == instant{123us});
  CHECK(m.error_number == 2);
  CHECK(m.bus_error == "org.x");
  CHECK(m.problems.empty());
  CHECK(parse_notify("WATCHDOG=trigger").watchdog_trigger);
  CHECK(parse_notify("STATUS=").status == "");
  CHECK(parse_notify("") == notify_message{});
  CHECK(parse_notify("\n\n") == notify_message{});
}

TEST_CASE("parse_notify reads what is said of descriptors") {
  auto m = parse_notify("FDSTORE=1\nFDNAME=conn 1\nFDPOLL=0");
  CHECK(m.fd_store);
  CHECK_FALSE(m.fd_poll);
  CHECK(m.fd_name == "conn 1");
  CHECK(m.problems.empty());
  m = parse_notify("FDSTOREREMOVE=1\nFDNAME=a");
  CHECK(m.fd_store_remove);
  CHECK_FALSE(m.fd_store);
  CHECK(m.fd_poll);
  for (auto* bad : {"FDNAME=a:b", "FDNAME=a\x7f", "FDPOLL=1", "FDSTORE=yes"})
    CHECK(parse_notify(bad).problems.size() == 1);
  CHECK(parse_notify("FDNAME=" + std::string(256, 'x')).problems.size() == 1);
}

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

TEST_CASE("parse_notify leaves out what is wrong, keeps the rest and says why") {
  struct row {
    const char* text;
    const char* problem;
  };
  for (auto& [text, problem] : std::vector<row>{
         {"MAINPID=x", "MAINPID='x' is not a process id"},
         {"MAINPID=0", "MAINPID='0' is not a process id"},
         {"MAINPID=-5", "MAINPID='-5' is not a process id"},
         {"MAINPID=99999999999", "MAINPID='99999999999' is not a process id"},
         {"MAINPID=12 ", "MAINPID='12 ' is not a process id"},
         {"MAINPID=", "'MAINPID' is not a process id"},
         {"WATCHDOG_USEC=18446744073709551615", "WATCHDOG_USEC='18446744073709551615' is not a number of microseconds"},
         {"EXTEND_TIMEOUT_USEC=1.5", "EXTEND_TIMEOUT_USEC='1.5' is not a number of microseconds"},
         {"MONOTONIC_USEC=-1", "MONOTONIC_USEC='-1' is not a number of microseconds"},
         {"ERRNO=abc", "ERRNO='abc' is not an error number"},
         {"READY=yes", "READY='yes' is not '1'"},
         {"nonsense", "'nonsense' is not KEY=VALUE"},
         {"=1", "'=1' is not KEY=VALUE"},
         {"STATUS=\xff\xfe", "STATUS='..' is not UTF-8"},
         {"STATUS=\xed\xa0\x80", "STATUS='...' is not UTF-8"},
       }) {
    CAPTURE(text);
    auto m = parse_notify(std::string("RELOADING=1\n") + text);
    CHECK(m.reloading);
    REQUIRE(m.problems.size() == 1);
    CHECK(m.problems.front() == problem);
    m.problems.clear();
    notify_message only;
    only.reloading = true;
    CHECK(m == only);
  }
}

TEST_CASE("parse_notify bounds what it takes") {
  CHECK(
    parse_notify("STATUS=a\x1b[31mb\x07\xc2\x9b"
                 "c")
      .status
    == "a [31mb   c");
  CHECK(parse_notify("STATUS=first\nSTATUS=second").status == "first");
  auto large = parse_notify("READY=1\nSTATUS=" + std::string(5000, 'x'));
  CHECK_FALSE(large.ready);
  CHECK(large.problems == std::vector<std::string>{"a datagram of 5015 bytes is over the limit of 4096"});
  CHECK(parse_notify("a\nb\nc\nd\ne\nf").problems.size() == 4);
}

TEST_CASE("parse_notify takes any bytes") {
  CHECK(rc::check("arbitrary datagrams", [](const std::string& text) {
    auto m = parse_notify(text);
    RC_ASSERT(m.problems.size() <= 4u);
  }));
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
