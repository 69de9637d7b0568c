// A real keeper, a real link, and what was told, to be waited for.
#pragma once

#include "backends/native/identity.hpp"
#include "backends/native/link.hpp"
#include "backends/native/spawn_keeper.hpp"
#include "core/reactor.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/waiting.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

namespace duende::test {

struct folder {
  folder() {
    char name[] = "/tmp/duende-test-XXXXXX";
    path = mkdtemp(name);
  }
  ~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

/// Whether the process, of another parent, has ended and been waited for, within 10 s each.
inline bool gone(pid_t pid) {
  auto fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0)
    return errno == ESRCH;
  struct pollfd end {
    fd, POLLIN, 0
  };
  bool ended = poll(&end, 1, 10'000) == 1;
  close(fd);
  process_facts facts;
  return ended && eventually([&] { return !read_process(pid, facts); }, std::chrono::seconds{10});
}

/// What a link told. Waits are bounded by 10 s, far beyond what any of this takes.
struct told {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<launched> launches;
  std::vector<launch_failure> failures;
  std::vector<process_exit> exits;
  std::vector<run_change> runs;
  std::vector<std::string> refusals;
  std::map<uuid, daemon_channels> channels;
  bool lost = false;

  template <class Store>
  auto into(Store told::*member) {
    return [this, member](auto value) {
      std::lock_guard lock{mutex};
      (this->*member).push_back(std::move(value));
      changed.notify_all();
    };
  }
  /// What was told by now; the link's thread goes on telling.
  template <class Entry>
  std::vector<Entry> copy(std::vector<Entry> told::*member) {
    std::lock_guard lock{mutex};
    return this->*member;
  }
  template <class Entry>
  std::size_t count(std::vector<Entry> told::*member) {
    std::lock_guard lock{mutex};
    return (this->*member).size();
  }
  link_events events() {
    link_events calls;
    calls.on_launched = into(&told::launches);
    calls.on_launch_failed = into(&told::failures);
    calls.on_exit = into(&told::exits);
    calls.on_run_change = into(&told::runs);
    calls.on_refused = into(&told::refusals);
    calls.on_channels = [this](daemon_channels fresh) {
      std::lock_guard lock{mutex};
      auto& known = channels[fresh.id];
      for (auto member :
           {&daemon_channels::out, &daemon_channels::err, &daemon_channels::notify, &daemon_channels::ready})
        if (fresh.*member >= 0)
          known.*member = fresh.*member;
      changed.notify_all();
    };
    calls.on_lost = [this](std::string) {
      std::lock_guard lock{mutex};
      lost = true;
      changed.notify_all();
    };
    return calls;
  }
  template <class Predicate>
  bool wait(Predicate holds) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, std::chrono::seconds{10}, holds);
  }
};

/// The last entry about `id`, waited for; fails the test where none comes.
template <class Entry>
Entry await(told& all, std::vector<Entry> told::*member, const uuid& id, std::uint32_t incarnation) {
  Entry found;
  bool came = all.wait([&] {
    for (auto& each : all.*member)
      if (each.id == id && each.incarnation == incarnation) {
        found = each;
        return true;
      }
    return false;
  });
  auto failures = all.copy(&told::failures);
  auto refusals = all.copy(&told::refusals);
  INFO("failures: " << (failures.empty() ? "none" : failures.back().text));
  INFO("refusals: " << (refusals.empty() ? "none" : refusals.back()));
  REQUIRE(came);
  return found;
}

inline launch_request shell(const std::string& script, uuid id = uuid::random(), std::uint32_t incarnation = 1) {
  launch_request request;
  request.id = id;
  request.incarnation = incarnation;
  request.path = "/bin/sh";
  request.argv = {"sh", "-c", script};
  request.env = {"PATH=/usr/bin:/bin"};
  return request;
}

/// One that hangs ahead of its exec: opening a FIFO for writing waits for a reader. Once for each folder.
inline launch_request hanging_start(const folder& in) {
  auto request = shell("");
  request.cgroup = in.path + "/cgroup";
  std::filesystem::create_directory(request.cgroup);
  REQUIRE(mkfifo((request.cgroup + "/cgroup.procs").c_str(), 0600) == 0);
  return request;
}

/// Keeper and link, torn down in order.
struct kept {
  folder state;
  reactor io;
  told all;
  pid_t keeper = 0;
  std::unique_ptr<keeper_link> link;

  kept() { begin(); }
  void begin() {
    auto started = spawn_keeper(state.path, state.path);
    if (!started)
      FAIL(sentence(started.error()));
    keeper = started->pid;
    attach(started->fd);
  }
  void attach(int fd) {
    auto made = keeper_link::connect(io, fd, all.events());
    if (!made)
      FAIL(sentence(made.error()));
    link = std::move(*made);
    link->start();
  }
  int wait_keeper() {
    int status = -1;
    if (keeper > 0)
      waitpid(keeper, &status, 0);
    keeper = 0;
    return status;
  }
  ~kept() {
    link.reset();
    wait_keeper();
    for (auto& [id, each] : all.channels)
      for (int fd : {each.out, each.err, each.notify, each.ready})
        if (fd >= 0)
          close(fd);
  }
  launched launch(const launch_request& request) {
    link->launch(request);
    return await(all, &told::launches, request.id, request.incarnation);
  }
  process_exit run(const launch_request& request) {
    link->launch(request);
    return await(all, &told::exits, request.id, request.incarnation);
  }
  std::string failure(const launch_request& request) {
    link->launch(request);
    return await(all, &told::failures, request.id, request.incarnation).text;
  }
  /// What the daemon has written so far; waits until `size` bytes are there.
  std::string output(const uuid& id, std::size_t size = 1) {
    int fd = -1;
    REQUIRE(all.wait([&] { return (fd = all.channels[id].out) >= 0; }));
    std::string text;
    while (text.size() < size) {
      pollfd one{fd, POLLIN, 0};
      REQUIRE(poll(&one, 1, 10'000) == 1);
      char buffer[65536];
      auto count = read(fd, buffer, sizeof buffer);
      REQUIRE(count > 0);
      text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
  }
};

inline std::string slurp(const std::string& path) {
  std::ifstream file{path};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

} // namespace duende::test
