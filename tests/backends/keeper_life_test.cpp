// Signals, groups, slots and refusals.
#include "tests/backends/keeper_fixture.hpp"

#include "backends/native/identity.hpp"
#include "backends/native/protocol.hpp"
#include "tests/support/waiting.hpp"

#include <sys/socket.h>
#include <sys/stat.h>

using namespace duende;
using namespace duende::test;
using namespace std::chrono_literals;

namespace {

/// The pids of processes whose parent is `parent`.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  for (auto& entry : std::filesystem::directory_iterator{"/proc"}) {
    process_facts facts;
    auto pid = static_cast<pid_t>(std::atoi(entry.path().filename().c_str()));
    if (pid > 0 && read_process(pid, facts) && facts.parent == parent)
      found.push_back(pid);
  }
  return found;
}

} // namespace

TEST_CASE("SIGKILL of a daemon leaves no member of its group") {
  kept k;
  auto request = shell("sleep 1000 & echo $!; sleep 1000 & echo $!; wait");
  auto process = k.launch(request);
  std::istringstream pids{k.output(request.id, 4)};
  pid_t first = 0;
  pids >> first;
  REQUIRE(first > 0);
  SECTION("asked through the keeper") { k.link->signal(request.id, 1, SIGKILL, signal_scope::process); }
  SECTION("by someone else") { kill(process.pid, SIGKILL); }
  CHECK(WTERMSIG(await(k.all, &told::exits, request.id, 1).status) == SIGKILL);
  CHECK(gone(first));
}

TEST_CASE("no zombies stay: 1000 short-lived children and orphans [F105]", "[F105]") {
  kept k;
  std::vector<uuid> ids;
  for (int i = 0; i < 1000; ++i) {
    // Each leaves a process of another session behind, which becomes the keeper's.
    auto request = shell(i % 4 == 0 ? "setsid sh -c 'exit 7' & exit 0" : "exit 0");
    request.out = request.err = stdio_mode::null;
    ids.push_back(request.id);
    k.link->launch(request);
  }
  CHECK(k.all.wait([&] { return k.all.exits.size() == ids.size(); }));
  CHECK(eventually([&] { return children_of(k.keeper).empty(); }, 5s));
}

// Their starts, ends and the look for strangers (every 100 ms) meet in one turn of the keeper's loop again and again.
TEST_CASE("programs that end as soon as they began do not hold the keeper up") {
  kept k;
  std::size_t begun = 0;
  constexpr std::size_t wanted = 4000, at_once = 8;
  while (begun < wanted) {
    for (auto most = k.all.count(&told::exits) + at_once; begun < most; ++begun) {
      auto request = shell("");
      request.path = "/bin/true";
      request.out = request.err = stdio_mode::null;
      k.link->launch(request);
    }
    REQUIRE(k.all.wait([&] { return k.all.exits.size() + at_once > begun; }));
  }
  CHECK(k.all.wait([&] { return k.all.exits.size() == begun; }));
  CHECK(k.all.count(&told::failures) == 0);
}

// The end of a life is told by its descriptor and by SIGCHLD; the second one may come to the keeper with the order for the next.
TEST_CASE("a late word of one life's end does nothing to the next one") {
  kept k;
  std::map<uuid, launch_request> next;
  for (int i = 0; i < 4; ++i) {
    auto request = shell("");
    request.path = "/bin/true";
    request.out = request.err = stdio_mode::null;
    next.emplace(request.id, request);
    k.link->launch(request);
  }
  for (std::size_t seen = 0; seen < 8000; ++seen) {
    REQUIRE(k.all.wait([&] { return k.all.exits.size() > seen; }));
    std::unique_lock lock{k.all.mutex};
    auto ended = k.all.exits[seen];
    lock.unlock();
    REQUIRE(ended.status == 0);
    auto& request = next.at(ended.id);
    ++request.incarnation;
    k.link->launch(request);
  }
  CHECK(k.all.count(&told::failures) == 0);
}

TEST_CASE("stopping and continuing by someone else is noticed") {
  kept k;
  auto request = shell("exec sleep 1000");
  auto process = k.launch(request);
  for (bool stopped : {true, false, true}) {
    auto before = k.all.count(&told::runs);
    kill(process.pid, stopped ? SIGSTOP : SIGCONT);
    REQUIRE(k.all.wait([&] { return k.all.runs.size() > before; }));
    CHECK(k.all.copy(&told::runs).back().stopped == stopped);
  }
}

TEST_CASE("a second spawn of a running id is refused, and a late request is harmless") {
  kept k;
  auto request = shell("exec sleep 1000");
  auto process = k.launch(request);
  auto again = request;
  again.incarnation = 2;
  CHECK(k.failure(again) == "already runs as pid " + std::to_string(process.pid));
  k.link->signal(request.id, 7, SIGKILL, signal_scope::group);
  k.link->signal(uuid::random(), 1, SIGKILL, signal_scope::group);
  k.link->forget(request.id);
  REQUIRE(k.all.wait([&] { return k.all.refusals.size() == 3; }));
  CHECK(k.all.refusals[0] == "the present incarnation is 1");
  CHECK(k.all.refusals[1] == "the keeper holds no such child");
  CHECK(k.all.refusals[2] == "already runs as pid " + std::to_string(process.pid));
  CHECK(alive(process.pid, process.start_time));
}

TEST_CASE("pipes stay across incarnations, the readiness pipe does not") {
  kept k;
  auto request = shell("echo one; echo >&4");
  request.ready_fd = 4;
  k.run(request);
  int out = k.all.channels[request.id].out, ready = k.all.channels[request.id].ready;
  request.incarnation = 2;
  request.argv[2] = "echo two";
  k.run(request);
  CHECK(k.output(request.id, 8) == "one\ntwo\n");
  CHECK(k.all.channels[request.id].out == out);
  CHECK(k.all.channels[request.id].ready != ready);
  fcntl(k.all.channels[request.id].ready, F_SETFL, O_NONBLOCK);
  char byte;
  CHECK(read(k.all.channels[request.id].ready, &byte, 1) == -1); // the first one's byte does not count
}

TEST_CASE("MAINPID of a descendant becomes the main process, another's does not") {
  kept k;
  auto request = shell("sleep 1000 & echo $!; exec sleep 1000");
  auto process = k.launch(request);
  pid_t second = std::stoi(k.output(request.id));
  k.link->main_pid(request.id, 1, getpid());
  REQUIRE(k.all.wait([&] { return k.all.refusals.size() == 1; }));
  k.link->main_pid(request.id, 1, second);
  REQUIRE(k.all.wait([&] { return k.all.launches.size() == 2; }));
  CHECK(k.all.launches[1].pid == second);
  kill(process.pid, SIGKILL); // no longer the main one: nothing ends
  CHECK(gone(process.pid));
  CHECK(k.all.count(&told::exits) == 0);
  kill(second, SIGKILL);
  CHECK(WTERMSIG(await(k.all, &told::exits, request.id, 1).status) == SIGKILL);
}

TEST_CASE("descriptor exhaustion is a failed step and the keeper lives [F103]", "[F103]") {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  pid_t pid = 0;
  kept k;
  rlimit low{64, before.rlim_max}; // the keeper itself has some forty, most of them reserved for starts
  REQUIRE(prlimit(k.keeper, RLIMIT_NOFILE, &low, nullptr) == 0);
  std::vector<uuid> ids;
  for (int i = 0; i < 20; ++i) {
    auto request = shell("exec sleep 1000");
    ids.push_back(request.id);
    k.link->launch(request);
  }
  REQUIRE(k.all.wait([&] { return k.all.launches.size() + k.all.failures.size() == 20; }));
  REQUIRE(k.all.count(&told::failures) != 0);
  REQUIRE(k.all.count(&told::launches) != 0);
  CHECK_THAT(k.all.failures[0].text, Contains("Too many open files"));
  pid = k.all.launches[0].pid;
  CHECK(kill(pid, 0) == 0);
  REQUIRE(prlimit(k.keeper, RLIMIT_NOFILE, &before, nullptr) == 0);
  CHECK(WEXITSTATUS(k.run(shell("exit 3")).status) == 3);
}

TEST_CASE("a child that hangs before its exec holds nobody else up") {
  kept k;
  auto request = hanging_start(k.state);
  k.link->launch(request);
  CHECK(WEXITSTATUS(k.run(shell("exit 3")).status) == 3);
  CHECK(k.all.count(&told::launches) <= 1); // not the hanging one
  k.link->signal(request.id, 1, SIGKILL, signal_scope::group);
  CHECK(WTERMSIG(await(k.all, &told::exits, request.id, 1).status) == SIGKILL);
}

TEST_CASE("what a node may send never harms the keeper") {
  folder state;
  auto started = spawn_keeper(state.path, state.path);
  REQUIRE(started);
  int fd = started->fd;
  auto answer = [&] {
    pollfd one{fd, POLLIN, 0};
    char buffer[protocol::max_packet];
    protocol::refused message;
    REQUIRE(poll(&one, 1, 10'000) == 1);
    auto size = recv(fd, buffer, sizeof buffer, 0);
    REQUIRE(size > 0);
    REQUIRE(decode(std::string_view{buffer, static_cast<std::size_t>(size)}, message));
    return message.why;
  };
  auto put = [&](std::string_view packet) { CHECK(send(fd, packet.data(), packet.size(), 0) > 0); };
  put("x");
  CHECK(answer() == protocol::refusal::malformed);
  std::string packet;
  encode(packet, protocol::ping{1});
  packet[3] = 99;
  put(packet);
  CHECK(answer() == protocol::refusal::other_version);
  encode(packet, protocol::ping{1});
  packet[4] = 60;
  put(packet);
  CHECK(answer() == protocol::refusal::unknown_kind);
  put(std::string(protocol::max_packet + 1, 'x'));
  CHECK(answer() == protocol::refusal::too_large);
  encode(packet, protocol::spawn{});
  put(packet);
  CHECK(answer() == protocol::refusal::malformed);
  // A flood whose answers nobody reads: the keeper stops reading and goes on later.
  encode(packet, protocol::signal{uuid::random(), 1, 9, protocol::scope::group});
  int sent = 0;
  while (send(fd, packet.data(), packet.size(), MSG_DONTWAIT) > 0 && sent < 1'000'000)
    ++sent;
  for (int i = 0; i < sent; ++i)
    REQUIRE(answer() == protocol::refusal::unknown_id);
  close(fd);
  int status = 0;
  CHECK(waitpid(started->pid, &status, 0) == started->pid);
  CHECK(status == 0);
}
