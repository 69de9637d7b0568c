// Probes of the process itself: a line on a descriptor, the exit of a command.
#include "monitors/probes/resolve.hpp"
#include "tests/monitors/probe_support.hpp"

#include "core/errc.hpp"

#include <csignal>
#include <sys/un.h>
#include <vector>

using namespace duende;
using namespace duende::test;

TEST_CASE("fd probe: ready at the first newline, which is taken out afterwards") {
  reactor r;
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  outcome o;
  auto probe = start_fd_probe(r, ::dup(pipe[0]), o.callback());
  REQUIRE(::write(pipe[1], "hello", 5) == 5);
  settle(r);
  CHECK(o.pending());
  REQUIRE(::write(pipe[1], "\n", 1) == 1);
  CHECK(o.get().ok);
  settle(r);
  char byte = 0;
  CHECK(::read(pipe[0], &byte, 1) < 0);
  CHECK(errno == EAGAIN);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST_CASE("fd probe: the newline is still there while the callback runs") {
  reactor r;
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  std::promise<ssize_t> seen;
  REQUIRE(::write(pipe[1], "\n", 1) == 1);
  auto probe = start_fd_probe(r, ::dup(pipe[0]), [&](const probe_result&) {
    std::array<int, 2> copy{};
    auto n = ::pipe(copy.data()) == 0 ? ::tee(pipe[0], copy[1], 16, SPLICE_F_NONBLOCK) : -1;
    ::close(copy[0]);
    ::close(copy[1]);
    seen.set_value(n);
  });
  CHECK(seen.get_future().get() == 1);
  settle(r);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST_CASE("fd probe: closed without a newline is not ready, for good") {
  reactor r;
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  REQUIRE(::write(pipe[1], "almost", 6) == 6);
  outcome o;
  auto probe = start_fd_probe(r, pipe[0], o.callback());
  ::close(pipe[1]);
  auto result = o.get();
  CHECK_FALSE(result.ok);
  CHECK(result.permanent);
  CHECK(result.text == "readiness descriptor: closed without a newline");
}

TEST_CASE("fd probe: a socket serves as well") {
  reactor r;
  std::array<int, 2> pair{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
  outcome o;
  auto probe = start_fd_probe(r, pair[0], o.callback());
  REQUIRE(::write(pair[1], "x\ny", 3) == 3);
  CHECK(o.get().ok);
  ::close(pair[1]);
}

namespace {

/// Keeps what the probe asked for; the test plays the keeper.
struct launches {
  std::mutex mutex;
  std::vector<std::string> command;
  std::function<void(exit_reason)> done;
  std::promise<void> launched;
  std::atomic<int> cancelled{0};
  exec_launcher launcher() {
    return [this](const std::vector<std::string>& argv, std::function<void(exit_reason)> fn) -> exec_cancel {
      std::unique_lock lock(mutex);
      command = argv;
      done = std::move(fn);
      launched.set_value();
      return [this] { ++cancelled; };
    };
  }
};

} // namespace

TEST_CASE("exec probe: code 0 is ready, anything else is told") {
  reactor r;
  struct row {
    exit_reason how;
    bool ok;
    const char* text;
  };
  for (auto& [how, ok, text] : std::vector<row>{
         {exit_reason::graceful(), true, "run 'check -q': exited cleanly"},
         {exit_reason::code(2), false, "run 'check -q': exited with code 2"},
         {exit_reason::signal(SIGSEGV), false, "run 'check -q': killed by SIGSEGV"},
       }) {
    launches l;
    outcome o;
    auto probe = start_exec_probe(r, {"check", "-q"}, 10s, l.launcher(), o.callback());
    l.launched.get_future().wait();
    l.done(how);
    l.done(exit_reason::graceful()); // a second word does no harm
    auto result = o.get();
    CHECK(result.ok == ok);
    CHECK(result.text == text);
    probe.reset();
    settle(r);
    CHECK(l.cancelled == 0);
  }
}

TEST_CASE("exec probe: a hung command is killed at the limit, and on cancel") {
  reactor r;
  {
    launches l;
    outcome o;
    auto probe = start_exec_probe(r, {"sleep", "1000"}, 50ms, l.launcher(), o.callback());
    CHECK(o.get().text == "run 'sleep 1000': no answer within 50ms");
    settle(r);
    CHECK(l.cancelled == 1);
    l.done(exit_reason::signal(SIGKILL));
  }
  launches l;
  outcome o;
  auto probe = start_exec_probe(r, {"sleep", "1000"}, 1h, l.launcher(), o.callback());
  l.launched.get_future().wait();
  probe.reset();
  settle(r);
  CHECK(l.cancelled == 1);
  l.done(exit_reason::graceful());
  settle(r);
  CHECK(o.calls == 0);
}

TEST_CASE("exec probe: nothing to run is permanent") {
  reactor r;
  outcome o;
  auto probe = start_exec_probe(r, {}, 1s, {}, o.callback());
  CHECK(o.get().permanent);
}
