#include "core/reactor.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <future>
#include <pthread.h>
#include <random>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace duende;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 10s;

struct pipe_pair {
  int read_end = -1;
  int write_end = -1;
  pipe_pair() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    read_end = ends[0];
    write_end = ends[1];
  }
  ~pipe_pair() {
    ::close(read_end);
    ::close(write_end);
  }
  void put() const { REQUIRE(::write(write_end, "x", 1) == 1); }
};

/// Runs `fn` on the reactor's thread and waits for it.
template <class F>
void on_reactor(reactor& r, F fn) {
  std::promise<void> done;
  r.post([&] {
    fn();
    done.set_value();
  });
  REQUIRE(done.get_future().wait_for(patience) == std::future_status::ready);
}

long voluntary_switches_of(pid_t tid) {
  std::string path = "/proc/self/task/" + std::to_string(tid) + "/status";
  FILE* file = ::fopen(path.c_str(), "r");
  REQUIRE(file != nullptr);
  long value = -1;
  char line[256];
  while (::fgets(line, sizeof line, file) != nullptr) {
    if (::sscanf(line, "voluntary_ctxt_switches: %ld", &value) == 1) {
      break;
    }
  }
  ::fclose(file);
  return value;
}

} // namespace

TEST_CASE("reactor runs posted tasks in order, on its thread") {
  reactor r;
  std::vector<int> seen;
  CHECK_FALSE(r.on_reactor_thread());
  for (int i = 0; i < 1000; ++i) {
    r.post([&, i] { seen.push_back(i); });
  }
  bool inside = false;
  on_reactor(r, [&] { inside = r.on_reactor_thread(); });
  CHECK(inside);
  REQUIRE(seen.size() == 1000);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
}

TEST_CASE("reactor tells of readable descriptors and obeys modify") {
  reactor r;
  pipe_pair p;
  std::promise<std::uint32_t> first;
  std::atomic<int> calls{0};
  REQUIRE(r.add(p.read_end, EPOLLIN, [&](std::uint32_t events) {
    if (++calls == 1) {
      r.modify(p.read_end, 0);
      first.set_value(events);
    }
  }));
  p.put();
  auto future = first.get_future();
  REQUIRE(future.wait_for(patience) == std::future_status::ready);
  CHECK((future.get() & EPOLLIN) != 0);
  on_reactor(r, [] {});
  CHECK(calls == 1); // level-triggered, but muted
  CHECK_FALSE(r.add(p.read_end, EPOLLIN, [](std::uint32_t) {}));
  CHECK(errno == EEXIST);
  r.remove(p.read_end);
  r.remove(p.read_end);
  CHECK_FALSE(r.modify(p.read_end, EPOLLIN));
  CHECK(r.add(p.read_end, 0, [](std::uint32_t) {}));
  r.remove(p.read_end);
}

TEST_CASE("reactor refuses what epoll refuses") {
  reactor r;
  CHECK_FALSE(r.add(-1, EPOLLIN, [](std::uint32_t) {}));
  CHECK(errno == EBADF);
  auto* file = ::tmpfile();
  CHECK_FALSE(r.add(::fileno(file), EPOLLIN, [](std::uint32_t) {}));
  CHECK(errno == EPERM);
  ::fclose(file);
}

TEST_CASE("a descriptor removed within the batch is not served, nor is its number's next user") {
  reactor r;
  pipe_pair a;
  pipe_pair b;
  pipe_pair fresh;
  std::promise<void> served;
  std::atomic<int> served_count{0};
  std::atomic<int> wrong{0};
  auto serve = [&](int other) {
    return [&, other](std::uint32_t) {
      ++served_count;
      r.remove(a.read_end);
      r.remove(b.read_end);
      // The other's number becomes another file that is not readable.
      if (::dup2(fresh.read_end, other) != other || !r.add(other, EPOLLIN, [&](std::uint32_t) { ++wrong; })) {
        ++wrong;
      }
      served.set_value();
    };
  };
  on_reactor(r, [&] { // both are readable before the thread waits again, so they come in one batch
    REQUIRE(r.add(a.read_end, EPOLLIN, serve(b.read_end)));
    REQUIRE(r.add(b.read_end, EPOLLIN, serve(a.read_end)));
    a.put();
    b.put();
  });
  REQUIRE(served.get_future().wait_for(patience) == std::future_status::ready);
  on_reactor(r, [] {});
  on_reactor(r, [] {});
  CHECK(served_count == 1);
  CHECK(wrong == 0);
}

TEST_CASE("a handler may remove itself and close its descriptor") {
  reactor r;
  std::array<int, 2> pair{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()) == 0);
  auto token = std::make_shared<int>(7);
  std::promise<int> value;
  REQUIRE(r.add(pair[0], EPOLLIN, [&r, &value, fd = pair[0], token](std::uint32_t) {
    r.remove(fd);
    ::close(fd);
    value.set_value(*token); // the closure still lives
  }));
  std::weak_ptr<int> watch = token;
  token.reset();
  ::close(pair[1]);
  CHECK(value.get_future().get() == 7);
  on_reactor(r, [] {});
  CHECK(watch.expired());
}

TEST_CASE("timers fire in order and not before their time") {
  reactor r;
  std::vector<int> order;
  std::promise<void> done;
  auto start = monotonic_now();
  std::vector<duration> lateness;
  auto note = [&](int n, duration due) {
    order.push_back(n);
    lateness.push_back(monotonic_now() - start - due);
    if (order.size() == 4) {
      done.set_value();
    }
  };
  r.at(start + 30ms, [&] { note(3, 30ms); });
  r.at(start + 10ms, [&] { note(1, 10ms); });
  r.at(start + 20ms, [&] { note(2, 20ms); });
  r.at(start - 1h, [&] { note(0, 0ms); });
  REQUIRE(done.get_future().wait_for(patience) == std::future_status::ready);
  CHECK(order == std::vector<int>{0, 1, 2, 3});
  for (auto late : lateness) {
    CHECK(late >= 0ns);
  }
}

TEST_CASE("a cancelled timer does not fire, also when due in the same batch") {
  reactor r;
  std::atomic<int> fired{0};
  reactor::timer_id second = 0;
  std::promise<void> done;
  on_reactor(r, [&] {
    auto when = monotonic_now();
    r.at(when, [&] {
      r.cancel(second);
      r.cancel(12345); // unknown
      r.cancel(0);
    });
    second = r.at(when, [&] { ++fired; });
    r.at(when, [&] { done.set_value(); });
  });
  REQUIRE(done.get_future().wait_for(patience) == std::future_status::ready);
  CHECK(fired == 0);
  auto id = r.after(1h, [&] { ++fired; });
  r.cancel(id);
  r.cancel(id);
}

TEST_CASE("a timer that sets itself for the past starves nobody") {
  reactor r;
  pipe_pair p;
  std::promise<void> readable;
  std::function<void()> again = [&] { r.at(monotonic_now() - 1s, again); };
  r.post(again);
  std::function<void()> post_again = [&] { r.post(post_again); };
  r.post(post_again);
  REQUIRE(r.add(p.read_end, EPOLLIN, [&](std::uint32_t) {
    r.remove(p.read_end);
    readable.set_value();
  }));
  p.put();
  CHECK(readable.get_future().wait_for(patience) == std::future_status::ready);
}

TEST_CASE("threads add, cancel and post together") {
  std::atomic<int> fired{0};
  std::atomic<int> posted{0};
  {
    reactor r;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        std::vector<reactor::timer_id> ids;
        for (int i = 0; i < 2500; ++i) {
          ids.push_back(r.after(i % 2 == 0 ? duration{1h} : duration{0}, [&] { ++fired; }));
          r.post([&] { ++posted; });
        }
        for (std::size_t i = 0; i < ids.size(); i += 2) {
          r.cancel(ids[i]);
        }
      });
    }
    for (auto& thread : threads) {
      thread.join();
    }
    on_reactor(r, [] {});
    on_reactor(r, [] {});
    CHECK(posted == 10000);
    CHECK(fired == 5000);
  }
  CHECK(fired == 5000);
}

TEST_CASE("an idle reactor sleeps, a far timer included") {
  reactor r;
  pid_t tid = 0;
  on_reactor(r, [&] { tid = ::gettid(); });
  r.after(1h, [] {});
  auto before = voluntary_switches_of(tid);
  std::this_thread::sleep_for(300ms); // what is tested is that nothing happens
  CHECK(voluntary_switches_of(tid) - before <= 1);
}

TEST_CASE("the reactor's thread takes no signals") {
  reactor r;
  sigset_t mask{};
  on_reactor(r, [&] { ::pthread_sigmask(SIG_BLOCK, nullptr, &mask); });
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE, SIGUSR1}) {
    CHECK(::sigismember(&mask, number) == 1);
  }
  sigset_t own{};
  ::pthread_sigmask(SIG_BLOCK, nullptr, &own);
  CHECK(::sigismember(&own, SIGTERM) == 0);
}

TEST_CASE("what handlers hold may use the reactor while it is destroyed") {
  pipe_pair p;
  struct holder {
    reactor& r;
    int fd;
    reactor::timer_id timer;
    ~holder() {
      r.remove(fd);
      r.cancel(timer);
      r.post([] {});
    }
  };
  auto r = std::make_unique<reactor>();
  auto held = std::make_shared<holder>(holder{*r, p.read_end, r->after(1h, [] {})});
  std::weak_ptr<holder> watch = held;
  r->add(p.read_end, EPOLLIN, [held](std::uint32_t) {});
  r->after(1h, [held] {});
  held.reset();
  r.reset();
  CHECK(watch.expired());
}
