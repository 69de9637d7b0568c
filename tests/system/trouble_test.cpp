// Bad luck: each gives an error that names place and cause, the node stays up, and what runs is not touched.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <csignal>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

using namespace duende::test;
namespace fs = std::filesystem;

namespace {

const std::string bystander = "[[daemon]]\nname = \"bystander\"\ncommand = \"@WORKER@ @DIR@/bystander gentle\"\n";

void untouched(const node& n) {
  n.until_state("bystander", "running");
  CHECK(records(n.path("bystander")).size() == 1);
  CHECK(n.get("/healthz").status == 200);
}

} // namespace

TEST_CASE("running out of descriptors is survived", "[F103]") {
  // The node may open only a few; daemons, log files and clients want more.
  std::string stack = bystander;
  for (int i = 0; i < 60; ++i)
    stack += "[[daemon]]\nname = \"w" + std::to_string(i) + "\"\ncommand = \"@WORKER@ @DIR@/w" + std::to_string(i)
             + " gentle\"\n[daemon.restart]\npolicy = \"never\"\n";
  node n{stack, {.prefix = {"prlimit", "--nofile=64:64"}, .wait = false}};
  n.until(
    "the node answers", [&] { return n.get("/healthz").status == 200; }, 20);
  n.until(
    "every daemon's fate is known",
    [&] {
      auto all = n.ps();
      if (all.size() != 61)
        return false;
      for (auto& [name, one] : all)
        if (one["state"] != "running" && one["state"] != "failed" && one["state"] != "backoff")
          return false;
      return true;
    },
    30);
  auto failed = 0;
  for (auto& [name, one] : n.ps())
    failed += one["state"] == "failed";
  if (failed > 0) {
    std::string text;
    for (auto& event : n.events())
      text += event.dump() + "\n";
    CHECK_THAT(text, Contains("Too many open files") || Contains("EMFILE"));
  }
  // Clients that hold their connection open use up the rest; when they are gone all is as before.
  std::vector<int> held;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::strncpy(to.sun_path, n.socket().c_str(), sizeof to.sun_path - 1);
  for (int i = 0; i < 100; ++i) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0)
      held.push_back(fd);
    else
      close(fd);
  }
  CHECK(n.pid_of("duended") != 0);
  for (auto fd : held)
    close(fd);
  n.until(
    "it serves again", [&] { return n.get("/healthz").status == 200; }, 20);
  // With descriptors free again a start works.
  for (int i = 0; i < 30; ++i)
    n.cli({"stop", "w" + std::to_string(i)});
  CHECK(n.cli({"start", "w0"}).status == 0);
  CHECK(n.state("w0") == "running");
}

TEST_CASE("a full disk is survived", "[F104]") {
  node n{
    bystander + "[[daemon]]\nname = \"loud\"\nbinary_path = \"/usr/bin/yes\"\nautostart = false\n",
    {.prefix = {
       "unshare", "-m", "--propagation", "private", "sh", "-c",
       "mkdir -p @DIR@/state && mount -t tmpfs -o size=4m tmpfs @DIR@/state && exec \"$@\"", "sh"}}};
  n.until_state("bystander", "running");
  auto view = "/proc/" + std::to_string(n.pid()) + "/root" + n.path("state");
  // Logs alone may fill it: their limit is larger than the disk.
  CHECK(n.cli({"start", "loud"}).status == 0);
  n.until(
    "the disk is full", [&] { return fs::space(view).available < 1024 * 1024; },
    30); // what does not fit whole is taken back
  untouched(n);
  CHECK(n.cli({"restart", "bystander"}).status <= 1);
  n.until("told as an event or in the log", [&] {
    std::string text = n.log();
    for (auto& event : n.events())
      text += event.dump();
    return text.find("No space left") != std::string::npos || text.find("full") != std::string::npos;
  });
  CHECK(n.cli({"stop", "loud"}).status == 0);
  for (auto& entry : fs::recursive_directory_iterator(view + "/logs"))
    if (entry.is_regular_file())
      fs::resize_file(entry.path(), 0);
  // Space again: state is intact and a crash of the node finds it so.
  auto pid = n.pid_of_daemon("bystander");
  kill(n.pid_of("duended"), SIGKILL);
  n.until_state("bystander", "running", 20);
  CHECK(n.pid_of_daemon("bystander") == pid);
  CHECK(n.state("loud") == "stopped");
}

TEST_CASE("a corrupt database is set aside by name, a newer one refused") {
  SECTION("corrupt") {
    node n{bystander};
    n.until_state("bystander", "running");
    REQUIRE(n.terminate() == 0);
    write_file(n.path("state/duende.db"), std::string(64 * 1024, 'x'));
    fs::remove(n.path("state/duende.db-wal"));
    n.start_again();
    n.until_state("bystander", "running");
    bool kept = false;
    for (auto& entry : fs::directory_iterator(n.path("state"))) {
      auto name = entry.path().filename().string();
      kept = kept || (name != "duende.db" && name.compare(0, 9, "duende.db") == 0 && read_file(entry.path())[0] == 'x');
    }
    CHECK(kept);
    CHECK_THAT(n.log(), Contains("duende.db"));
  }
  SECTION("torn") {
    node n{bystander};
    n.until_state("bystander", "running");
    REQUIRE(n.terminate() == 0);
    fs::resize_file(n.path("state/duende.db"), fs::file_size(n.path("state/duende.db")) / 2);
    n.start_again();
    n.until_state("bystander", "running");
  }
  SECTION("newer") {
    node n{bystander};
    n.until_state("bystander", "running");
    REQUIRE(n.terminate() == 0);
    REQUIRE(
      run({"python3", "-c",
           "import sqlite3,sys; c = sqlite3.connect(sys.argv[1]); c.execute('pragma user_version = 9999'); c.commit()",
           n.path("state/duende.db")})
        .status
      == 0);
    auto before = read_file(n.path("state/duende.db"));
    n.start_again({.wait = false});
    auto ended = n.wait(20);
    REQUIRE(ended);
    CHECK(*ended != 0);
    CHECK_THAT(n.log(), Contains("newer"));
    CHECK(read_file(n.path("state/duende.db")) == before);
  }
}

TEST_CASE("a stale socket of a dead node is replaced") {
  node n{bystander, {.wait = false}};
  n.until(
    "the node answers", [&] { return n.get("/healthz").status == 200; }, 20);
  REQUIRE(n.terminate() == 0);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::strncpy(at.sun_path, n.socket().c_str(), sizeof at.sun_path - 1);
  unlink(n.socket().c_str());
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  close(fd);
  REQUIRE(n.cli({"ps"}).status == 4);
  n.start_again();
  n.until_state("bystander", "running");
}

TEST_CASE("malformed, oversized and slow HTTP is answered or dropped, and serves others meanwhile") {
  node n{bystander};
  n.until_state("bystander", "running");
  auto raw = [&](const std::string& text) { return http_raw(n.socket(), text, 8).status; };
  auto refused = [](int status) {
    return status == 0 || (status >= 400 && status < 500) || status == 501 || status == 505;
  };
  CHECK(refused(raw("nonsense\r\n\r\n")));
  CHECK(refused(raw("GET /v1/daemons\r\n\r\n")));
  CHECK(refused(raw("GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")));
  CHECK(refused(raw("GET / HTTP/1.1\r\n" + std::string(1'000'000, 'h') + "\r\n\r\n")));
  CHECK(refused(raw("POST /v1/daemons HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: close\r\n\r\n")));
  auto large = n.post("/v1/apply", std::string((4 << 20) + 1, ' '));
  CHECK((large.status == 413 || large.status == 0));
  auto malformed = n.post("/v1/daemons", "{ \"name\": ");
  CHECK(malformed.status == 400);
  CHECK_THAT(malformed.head, Contains("application/problem+json"));
  CHECK(n.post("/v1/daemons", R"({"name":"x","binary_path":"/bin/true","nonsense":1})").status == 422);
  CHECK(n.get("/v1/daemons/nosuch").status == 404);
  CHECK(n.get("/v1/nonsense").status == 404);
  // Twenty clients that send a byte and wait hold nobody up.
  std::vector<int> slow;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::strncpy(to.sun_path, n.socket().c_str(), sizeof to.sun_path - 1);
  for (int i = 0; i < 20; ++i) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 && send(fd, "G", 1, MSG_NOSIGNAL) == 1)
      slow.push_back(fd);
  }
  auto begin = monotonic_ns();
  CHECK(n.get("/healthz").status == 200);
  CHECK(monotonic_ns() - begin < 2'000'000'000);
  for (auto fd : slow)
    close(fd);
  untouched(n);
}

TEST_CASE("the wall clock jumping back an hour hangs nothing", "[F101]") {
  node n{
    bystander
      + "[[daemon]]\nname = \"again\"\ncommand = \"@WORKER@ @DIR@/again exit 50 1\"\n[daemon.restart]\npolicy = "
        "\"always\"\n"
        "initial_delay = \"200ms\"\nnext_delay = \"200ms\"\nmultiplier = 1.0\nreset_after = \"1s\"\nmax_delay = "
        "\"200ms\"\n"
        "[[supervisor]]\nname = \"s\"\nintensity = { restarts = 100000, window = \"1s\" }\n"
        "[[daemon]]\nname = \"under\"\nsupervisor = \"s\"\ncommand = \"@WORKER@ @DIR@/under exit 50 "
        "1\"\n[daemon.restart]\npolicy = "
        "\"always\"\ninitial_delay = \"200ms\"\nnext_delay = \"200ms\"\nmultiplier = 1.0\nmax_delay = \"200ms\"\n",
    {.env = {{"LD_PRELOAD", DUENDE_CLOCK_JUMP}, {"CLOCK_JUMP", "@DIR@/jumped"}}}};
  n.until_state("bystander", "running");
  n.until("restarts go on", [&] { return records(n.path("under")).size() > 3; });
  write_file(n.path("jumped"), "");
  auto before = records(n.path("under")).size();
  n.until(
    "timers still fire", [&] { return records(n.path("under")).size() > before + 5; }, 10);
  // The wall clock shows the jump: the preload was in force.
  CHECK(n.cli({"restart", "bystander"}).status == 0);
  CHECK(n.ps("bystander")["uptime_seconds"].get<double>() >= 0);
  CHECK(n.ps("bystander")["uptime_seconds"].get<double>() < 60);
  auto events = n.events();
  REQUIRE(events.size() > 2);
  CHECK(events.back()["at"].get<std::string>() < events.front()["at"].get<std::string>());
  for (std::size_t i = 1; i < events.size(); ++i)
    CHECK(events[i]["id"].get<long>() > events[i - 1]["id"].get<long>());
  kill(n.pid_of("duended"), SIGKILL);
  n.until_state("bystander", "running", 20);
  CHECK(records(n.path("bystander")).size() == 2);
}
