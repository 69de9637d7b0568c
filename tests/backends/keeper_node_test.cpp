// The keeper as parent of a node; here the node is this program's fork, or a shell.
#include "tests/backends/keeper_fixture.hpp"

#include "backends/native/identity.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

using namespace duende;
using namespace duende::test;

namespace {

pid_t run_keeper(const std::string& state, const std::vector<std::string>& node, int err = 2) {
  auto program = find_keeper();
  REQUIRE(program);
  std::vector<std::string> words{*program, "--state-dir", state, "--run-dir", state, "--"};
  words.insert(words.end(), node.begin(), node.end());
  pid_t pid = fork();
  if (pid == 0) {
    std::vector<char*> argv;
    for (auto& word : words)
      argv.push_back(word.data());
    argv.push_back(nullptr);
    dup2(err, 2);
    execv(argv[0], argv.data());
    _exit(126);
  }
  return pid;
}

int exit_code(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// Reads lines of a FIFO that a node of shell writes.
struct fifo {
  explicit fifo(const std::string& path) {
    mkfifo(path.c_str(), 0600);
    fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  }
  ~fifo() { close(fd); }
  std::string line() {
    std::string text;
    for (char byte = 0; byte != '\n';) {
      pollfd one{fd, POLLIN, 0};
      REQUIRE(poll(&one, 1, 10'000) == 1);
      REQUIRE(read(fd, &byte, 1) == 1);
      text += byte;
    }
    return text.substr(0, text.size() - 1);
  }
  int fd;
};

/// A node whose socket is handed to this process: it sends the descriptor over `path` and sleeps.
/// So the test plays the node, and killing the process is the node's death.
const char* lender = R"(
import array, os, socket, signal
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.connect(os.environ['LEND'])
s.sendmsg([b'%d %s\n' % (os.getpid(), os.environ['DUENDE_GENERATION'].encode())],
          [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [int(os.environ['DUENDE_KEEPER_FD'])]))])
while True: signal.pause()
)";

struct lending {
  std::string path;
  int listener;
  pid_t node = 0;
  int generation = 0;
  explicit lending(const std::string& dir) : path(dir + "/lend") {
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    listen(listener, 5);
    setenv("LEND", path.c_str(), 1);
  }
  ~lending() { close(listener); }
  int take() {
    pollfd one{listener, POLLIN, 0};
    REQUIRE(poll(&one, 1, 20'000) == 1);
    int from = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    char text[64] = {};
    iovec part{text, sizeof text - 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    REQUIRE(recvmsg(from, &message, MSG_CMSG_CLOEXEC) > 0);
    REQUIRE(sscanf(text, "%d %d", &node, &generation) == 2);
    int fd = -1;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    close(from);
    return fd;
  }
};

} // namespace

TEST_CASE("a node that dies comes back with the next generation") {
  folder state;
  fifo told_by{state.path + "/fifo"};
  auto script = "echo $DUENDE_GENERATION $DUENDE_KEEPER_FD $$ >" + state.path + "/fifo; exec sleep 1000";
  auto keeper = run_keeper(state.path, {"/bin/sh", "-c", script});
  for (int generation = 1; generation <= 3; ++generation) {
    int seen = 0, fd = 0, pid = 0;
    REQUIRE(sscanf(told_by.line().c_str(), "%d %d %d", &seen, &fd, &pid) == 3);
    CHECK(seen == generation);
    CHECK(fd >= 3);
    if (generation < 3)
      kill(pid, SIGKILL);
  }
  kill(keeper, SIGTERM); // passed on; the node is told nothing else, and a node that ends by a signal is started again
  int seen = 0, fd = 0, pid = 0;
  REQUIRE(sscanf(told_by.line().c_str(), "%d %d %d", &seen, &fd, &pid) == 3);
  CHECK(seen == 4);
  kill(keeper, SIGKILL);
  exit_code(keeper);
  kill(pid, SIGKILL); // a real node sees its socket close and ends by itself
}

TEST_CASE("a first node that ends by itself ends the keeper with its code") {
  folder state;
  CHECK(exit_code(run_keeper(state.path, {"/bin/sh", "-c", "exit 42"})) == 42);
  int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
  CHECK(exit_code(run_keeper(state.path, {"/nope/duended"}, quiet)) == 127);
  close(quiet);
}

TEST_CASE("a second keeper of one state_dir is refused and names the first") {
  kept k;
  auto path = k.state.path + "/error";
  int err = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  CHECK(exit_code(run_keeper(k.state.path, {"/bin/true"}, err)) == 1);
  close(err);
  CHECK(
    slurp(path)
    == "duende-keeper: state_dir '" + k.state.path + "' is in use by the keeper with pid " + std::to_string(k.keeper)
         + "\n");
}

TEST_CASE("a killed node's successor finds children, pipes, records and exits") {
  kept k; // only for its fixtures: the keeper of this test is another
  folder state;
  lending lend{state.path};
  auto keeper = run_keeper(state.path, {"/usr/bin/python3", "-c", lender});
  auto connect = [&](told& into) {
    auto made = keeper_link::connect(k.io, lend.take(), into.events());
    REQUIRE(made);
    (*made)->start();
    return std::move(*made);
  };
  told first;
  auto link = connect(first);
  CHECK(link->generation() == 1);
  CHECK(link->keeper_pid() == keeper);
  auto stays = shell("echo kept; exec sleep 1000"), ends = shell("read x; exit 9");
  auto failing = shell("");
  failing.working_dir = "/nope";
  stays.record = "first record";
  ends.path = "/bin/sh";
  ends.argv[2] = "while ! [ -e " + state.path + "/go ]; do sleep 0.01; done; exit 9";
  link->launch(stays);
  link->launch(ends);
  auto process = await(first, &told::launches, stays.id, 1);
  auto ending = await(first, &told::launches, ends.id, 1);
  link->set_record(stays.id, 1, std::string("second\0record", 13));
  int stage_out = link->stage_write_fd();
  CHECK(write(stage_out, "parked", 6) == 6);
  link->launch(failing);
  await(first, &told::failures, failing.id, 1);
  link.reset(); // the socket's last copy is the node's own

  kill(lend.node, SIGSTOP); // so that the exit falls between two nodes
  std::ofstream{state.path + "/go"};
  REQUIRE(gone(ending.pid));
  kill(lend.node, SIGKILL);
  told second;
  auto made = keeper_link::connect(k.io, lend.take(), second.events());
  REQUIRE(made);
  link = std::move(*made);
  CHECK(link->generation() == 2);
  auto held = link->list();
  REQUIRE(held.size() == 3);
  char parked[8] = {};
  CHECK(read(link->stage_read_fd(), parked, sizeof parked) == 6);
  for (auto& child : held) {
    if (child.process.id == stays.id) {
      CHECK(child.running);
      CHECK(child.process.pid == process.pid);
      CHECK(child.process.start_time == process.start_time);
      CHECK(child.record == std::string("second\0record", 13));
      char text[8] = {};
      CHECK(read(child.channels.out, text, sizeof text) == 5);
      CHECK(std::string{text} == "kept\n");
    } else if (child.process.id == ends.id) {
      CHECK(!child.running);
      CHECK(WEXITSTATUS(child.exit.status) == 9);
    } else {
      CHECK(child.process.pid == 0);
    }
    for (int fd : {child.channels.out, child.channels.err})
      if (fd >= 0)
        close(fd);
  }
  link->start();
  await(second, &told::failures, failing.id, 1); // told again: its node died before it could act
  link->finish(3);
  link.reset();
  kill(lend.node, SIGTERM);
  CHECK(exit_code(keeper) == 3);
  CHECK(!alive(process.pid, process.start_time));
}

TEST_CASE("orphans of a killed keeper are found, never doubled, adopted or ended") {
  auto began = monotonic_now();
  kept k;
  auto request = shell("echo before; while :; do read x </proc/none 2>/dev/null; sleep 0.05; echo after; done");
  auto other = shell("exec sleep 1000");
  auto process = k.launch(request);
  auto second = k.launch(other);
  auto killed = monotonic_now();
  kill(k.keeper, SIGKILL);
  k.wait_keeper();
  REQUIRE(k.all.wait([&] { return k.all.lost; }));
  k.link.reset();
  for (auto& [id, each] : k.all.channels) // the old node dies as well: no reader is left but the daemon itself
    for (int* fd : {&each.out, &each.err})
      close(std::exchange(*fd, -1));
  k.begin();
  auto orphans = k.link->orphans();
  REQUIRE(orphans.size() == 2);
  for (auto& each : orphans) { // as old as they are, not as the keeper that found them
    CHECK(each.started_at > began - std::chrono::seconds{1});
    CHECK(each.started_at < killed);
  }
  CHECK((orphans[0].pid == process.pid || orphans[1].pid == process.pid));
  auto again = request;
  again.incarnation = 2;
  CHECK_THAT(k.failure(again), Contains("still runs as pid " + std::to_string(process.pid)));

  k.link->adopt_orphan(request.id, 3, "adopted", "", "");
  CHECK(await(k.all, &told::launches, request.id, 3).start_time == process.start_time);
  CHECK_THAT(k.output(request.id, 20), Contains("before\nafter\n")); // not a byte is lost
  k.link->signal(request.id, 3, SIGKILL, signal_scope::group);
  CHECK(await(k.all, &told::exits, request.id, 3).status == unknown_status);

  k.link->end_orphan(other.id, SIGTERM);
  auto end = await(k.all, &told::exits, other.id, 0);
  CHECK(end.pid == second.pid);
  other.incarnation = 2;
  k.launch(other); // now it may run again
}
