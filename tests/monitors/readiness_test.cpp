#include "monitors/probes/readiness.hpp"
#include "tests/monitors/probe_support.hpp"

#include <sys/wait.h>

using namespace duende;
using namespace duende::test;

namespace {

readiness_spec tcp(std::string address) {
  readiness_spec spec;
  spec.type = readiness_type::tcp;
  spec.address = std::move(address);
  return spec;
}

} // namespace

TEST_CASE("readiness_watch tries until the server is there") {
  reactor r;
  listening server;
  auto address = server.address();
  auto port = server.port;
  server.close();
  outcome o;
  readiness_watch watch(r, tcp(address), {}, o.callback());
  while (watch.last_failure().empty()) {
    std::this_thread::yield();
  }
  CHECK(watch.last_failure() == "connect to " + address + ": Connection refused");
  CHECK(
    not_ready_text(30s, watch.last_failure())
    == "not ready within 30s: connect to " + address + ": Connection refused");
  CHECK(not_ready_text(250ms, {}) == "not ready within 250ms");
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(port);
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  REQUIRE(::listen(fd, 8) == 0);
  CHECK(o.get().ok);
  ::close(fd);
  settle(r);
  CHECK(o.calls == 1);
}

TEST_CASE("readiness_watch tries at growing distances") {
  reactor r;
  std::vector<instant> starts;
  std::promise<void> enough;
  readiness_means means;
  means.launch = [&](const std::vector<std::string>&, std::function<void(exit_reason)> done) -> exec_cancel {
    starts.push_back(monotonic_now());
    if (starts.size() == 5) {
      enough.set_value();
    }
    done(exit_reason::code(1)); // at once, from within
    return {};
  };
  readiness_spec spec;
  spec.type = readiness_type::exec;
  spec.command = {"false"};
  outcome o;
  auto watch = std::make_unique<readiness_watch>(r, spec, std::move(means), o.callback());
  REQUIRE(enough.get_future().wait_for(20s) == std::future_status::ready);
  watch.reset();
  settle(r);
  duration expected = 100ms;
  for (std::size_t i = 1; i < 5; ++i) {
    CHECK(starts[i] - starts[i - 1] >= expected);
    expected = expected * 3 / 2;
  }
  CHECK(o.calls == 0);
}

TEST_CASE("readiness_watch runs a real command until it succeeds") {
  reactor r;
  readiness_means means;
  std::atomic<int> runs{0};
  means.launch = [&](const std::vector<std::string>&, std::function<void(exit_reason)> done) -> exec_cancel {
    auto nth = ++runs;
    std::thread([nth, done] {
      auto pid = ::fork();
      if (pid == 0) {
        ::_exit(nth < 3 ? 1 : 0);
      }
      int status = 0;
      ::waitpid(pid, &status, 0);
      done(exit_reason::from_wait_status(status));
    }).detach();
    return {};
  };
  readiness_spec spec;
  spec.type = readiness_type::exec;
  spec.command = {"check"};
  outcome o;
  readiness_watch watch(r, spec, std::move(means), o.callback());
  CHECK(o.get().ok);
  CHECK(runs == 3);
  CHECK(watch.last_failure() == "run 'check': exited with code 1");
}

TEST_CASE("readiness_watch tells at once what can never be") {
  reactor r;
  outcome o;
  readiness_watch watch(r, tcp("nonsense"), {}, o.callback());
  auto result = o.get();
  CHECK_FALSE(result.ok);
  CHECK(result.permanent);
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  readiness_spec spec;
  spec.type = readiness_type::fd;
  outcome closed;
  readiness_watch on_fd(r, spec, {{}, pipe[0]}, closed.callback());
  ::close(pipe[1]);
  CHECK(closed.get().text == "readiness descriptor: closed without a newline");
  CHECK(readiness_watch::handles(readiness_type::http));
  CHECK_FALSE(readiness_watch::handles(readiness_type::notify));
}

TEST_CASE("a dropped readiness_watch leaves nothing behind") {
  auto before = open_descriptors();
  {
    reactor r;
    outcome o;
    for (int i = 0; i < 20; ++i) {
      std::array<int, 2> pipe{};
      REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
      readiness_spec spec;
      spec.type = i % 2 == 0 ? readiness_type::fd : readiness_type::tcp;
      spec.address = "127.0.0.1:1";
      readiness_watch watch(r, spec, {{}, pipe[0]}, o.callback());
      if (i % 4 < 2) {
        settle(r);
      }
      ::close(pipe[1]);
    }
    settle(r);
  }
  CHECK(open_descriptors() == before);
}
