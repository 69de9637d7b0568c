// Sandboxes as a user meets them: what the report says, and real programs under the default profile.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

using namespace duende::test;

namespace {

std::string probing(const std::string& name, const std::string& mode, const std::string& more) {
  return "[[daemon]]\nname = \"" + name + "\"\ncommand = \"" DUENDE_SANDBOX_PROBE " " + mode
         + "\"\nrestart = { policy = \"never\" }\n" + more;
}

/// The path of a program of this machine; empty, and said, where it is not installed.
std::string installed(const std::string& name, const std::vector<std::string>& folders) {
  for (const auto& folder : folders)
    if (access((folder + "/" + name).c_str(), X_OK) == 0)
      return folder + "/" + name;
  WARN("'" << name << "' is not installed: it is not tried");
  return {};
}

constexpr const char* standard = "[daemon.security]\nseccomp = \"default\"\n";
const std::vector<std::string> usual = {"/usr/bin", "/usr/sbin", "/usr/local/bin", "/bin"};

} // namespace

TEST_CASE("a call that is not allowed ends the daemon, and the report names it", "[F071]") {
  node n{
    probing("w", "forbidden", "[daemon.security]\nseccomp = { deny = [\"ptrace\", \"mount\"] }\n")
    + probing("gentle", "forbidden", "[daemon.security]\nseccomp = { deny = [\"ptrace\"], action = \"errno\" }\n")};
  n.until_state("w", "failed");
  auto last = n.ps("w")["last_exit"];
  CHECK(last["cause"] == "signal");
  CHECK(last["value"] == SIGSYS);
  CHECK(last["text"] == "killed by SIGSYS: system call 'ptrace' is not allowed by its seccomp profile");
  CHECK_THAT(n.cli({"status", "w"}).out, Contains("system call 'ptrace' is not allowed by its seccomp profile"));
  CHECK_THAT(n.cli({"events"}).out, Contains("w: killed by SIGSYS: system call 'ptrace' is not allowed"));
  n.until_state("gentle", "failed");
  CHECK(n.ps("gentle")["last_exit"]["cause"] == "code"); // EPERM, which it returns
}

TEST_CASE("a filter that kills at once is told with the call, too", "[F071]") {
  node n{probing("w", "whole", "[daemon.security]\nseccomp = { allow = [\"getpid\"] }\n")};
  n.until_state("w", "failed");
  std::string text = n.ps("w")["last_exit"]["text"];
  CHECK_THAT(text, Contains("killed by SIGSYS: system call '") && Contains("is not allowed by its seccomp profile"));
}

TEST_CASE("the call is known also where the node died meanwhile", "[F071]") {
  node n{probing("w", "forbidden-later @DIR@/go", "[daemon.security]\nseccomp = { deny = [\"ptrace\"] }\n")};
  n.until_state("w", "running");
  auto before = n.pid_of("duended");
  kill(before, SIGKILL);
  write_file(n.path("go"), "");
  n.until("another node", [&] { return n.pid_of("duended") != before && n.pid_of("duended") > 0; });
  n.until_state("w", "failed");
  CHECK_THAT(std::string(n.ps("w")["last_exit"]["text"]), Contains("system call 'ptrace' is not allowed"));
}

TEST_CASE("status and doctor show what is in force, and what to do next") {
  node n{
    "[[daemon]]\nname = \"open\"\ncommand = \"@WORKER@ @DIR@/open idle\"\n[[daemon]]\nname = \"closed\"\ncommand = "
    "\"@WORKER@ @DIR@/closed idle\"\n[daemon.security]\nno_new_privileges = true\ncapabilities = []\nseccomp = "
    "\"default\"\nread_paths = [\"/\"]\nwrite_paths = [\"@DIR@\"]\nnetwork = false\n"};
  n.until_state("open", "running");
  n.until_state("closed", "running");
  n.until(
    "both are past their exec", [&] { return records(n.path("closed")).size() + records(n.path("open")).size() == 2; });
  auto shown = [&](const std::string& name) { return json::parse(n.cli({"status", name, "--json"}).out)["sandbox"]; };
  auto open = shown("open"), closed = shown("closed");
  CHECK(open["score"].get<int>() < 30);
  CHECK(open["next"].size() == 3);
  CHECK(closed["score"].get<int>() >= 80);
  CHECK(closed["capabilities"].empty());
  CHECK(closed["seccomp"] == "default");
  CHECK(closed["network"] == false);
  CHECK(closed["no_new_privileges"] == true);
  CHECK_THAT(n.cli({"status", "open"}).out, Contains("of 100: as user") && Contains("security.seccomp"));
  auto doctor = run({n.duende(), "--socket", n.socket(), "doctor"});
  CHECK_THAT(doctor.out, Contains("daemons") && Contains("of 100: as user"));
}

TEST_CASE("a sandbox that can't be had is a failed start with the step and its object") {
  node n{probing("w", "whole", "[daemon.security]\nwrite_paths = [\"/no/such/place\"]\n")};
  n.until_state("w", "failed");
  std::string text = n.ps("w")["last_exit"]["text"];
  CHECK_THAT(text, Contains("cannot restrict its files"));
}

TEST_CASE("redis runs under the default profile", "[F072]") {
  auto server = installed("redis-server", usual);
  if (server.empty())
    return;
  node n{
    "[[daemon]]\nname = \"redis\"\nbinary_path = \"" + server
    + "\"\nargs = [\"--port\", \"0\", \"--unixsocket\", \"@DIR@/redis.sock\", \"--dir\", \"@DIR@\"]\n"
      "ready = { type = \"tcp\", address = \"unix:@DIR@/redis.sock\" }\n"
    + standard};
  n.until_state("redis", "running");
  auto ask = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"redis-cli", "-s", n.path("redis.sock")});
    return run(words).out;
  };
  if (access("/usr/bin/redis-cli", X_OK) == 0) {
    CHECK(ask({"set", "a", "b"}) == "OK\n");
    CHECK_THAT(ask({"bgsave"}), Contains("started")); // it forks
    n.until("the dump is written", [&] { return std::filesystem::exists(n.path("dump.rdb")); });
  }
  CHECK(n.ps("redis")["restarts"] == 0);
}

TEST_CASE("nginx runs under the default profile", "[F072]") {
  auto server = installed("nginx", usual);
  if (server.empty())
    return;
  node n{
    "[[daemon]]\nname = \"nginx\"\nbinary_path = \"" + server
    + "\"\nargs = [\"-p\", \"@DIR@\", \"-e\", \"@DIR@/error.log\", \"-c\", \"@DIR@/nginx.conf\"]\nautostart = false\n"
    + standard};
  std::string user = getuid() == 0 ? "user root;\n" : "";
  write_file(
    n.path("nginx.conf"),
    user
      + "daemon off;\nworker_processes 2;\npid nginx.pid;\nevents {}\nhttp { access_log off; "
        "client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5; "
        "server { listen unix:"
      + n.path("web.sock") + "; location / { return 200 fine; } } }\n");
  CHECK(n.cli({"start", "nginx"}).status == 0);
  n.until("it answers", [&] { return http(n.path("web.sock"), "GET", "/").body == "fine"; });
  CHECK(n.ps("nginx")["restarts"] == 0);
}

TEST_CASE("PostgreSQL runs under the default profile", "[F072]") {
  std::vector<std::string> folders;
  std::error_code none;
  for (auto& each : std::filesystem::directory_iterator{"/usr/lib/postgresql", none})
    folders.push_back(each.path().string() + "/bin");
  auto server = installed("postgres", folders);
  if (server.empty() || getuid() != 0) // it refuses to run as root; another user needs root to be changed to
    return;
  scratch data;
  auto bin = server.substr(0, server.rfind('/'));
  run({"chown", "postgres", data.path()});
  auto made = run({"runuser", "-u", "postgres", "--", bin + "/initdb", "-D", data.path("db"), "--no-sync"}, {}, 120);
  INFO(made.err);
  REQUIRE(made.status == 0);
  node n{
    "[[daemon]]\nname = \"pg\"\nuser = \"postgres\"\nworking_dir = \"" + data.path() + "\"\nbinary_path = \"" + server
    + "\"\nargs = [\"-D\", \"" + data.path("db") + "\", \"-k\", \"" + data.path()
    + "\", \"-c\", \"listen_addresses=\"]\nready = { type = \"tcp\", address = \"unix:" + data.path(".s.PGSQL.5432")
    + "\" }\nstop_signal = \"INT\"\n" + standard};
  n.until_state("pg", "running", 30);
  outcome answer;
  n.until(
    "it answers",
    [&] {
      answer = run(
        {"runuser", "-u", "postgres", "--", bin + "/psql", "-h", data.path(), "-Atc",
         "create table t as select generate_series(1, 1000) x; select sum(x) from t; checkpoint"});
      return answer.status == 0;
    },
    30);
  CHECK_THAT(answer.out, Contains("500500"));
  CHECK(n.ps("pg")["restarts"] == 0);
}

TEST_CASE("Python runs under the default profile", "[F072]") {
  auto python = installed("python3", usual);
  if (python.empty())
    return;
  node n{
    "[[daemon]]\nname = \"python\"\nbinary_path = \"" + python
    + "\"\nargs = [\"-u\", \"@DIR@/try.py\"]\nautostart = false\nready = { type = \"log\", pattern = \"all fine\" }\n"
    + standard};
  write_file(n.path("try.py"), R"(
import asyncio, multiprocessing, os, socket, subprocess, threading, time
def double(x): return 2 * x
async def ask():
    process = await asyncio.create_subprocess_exec("true")
    return await process.wait()
if __name__ == "__main__":
    thread = threading.Thread(target=lambda: time.sleep(0)); thread.start(); thread.join()
    assert subprocess.run(["echo", "x"], capture_output=True).stdout == b"x\n"
    assert asyncio.run(ask()) == 0
    with multiprocessing.Pool(2) as pool: assert pool.map(double, [1, 2]) == [2, 4]
    with socket.create_server(("127.0.0.1", 0)) as server: socket.create_connection(server.getsockname()).close()
    print("all fine")
    time.sleep(3600)
)");
  auto started = n.cli({"start", "python"});
  INFO(n.cli({"logs", "python"}).out);
  CHECK(started.status == 0);
}

TEST_CASE("Node runs under the default profile", "[F072]") {
  auto program = installed("node", usual);
  if (program.empty())
    return;
  node n{
    "[[daemon]]\nname = \"js\"\nbinary_path = \"" + program
    + "\"\nargs = [\"@DIR@/try.js\"]\nautostart = false\nready = { type = \"log\", pattern = \"all fine\" }\n"
    + standard};
  write_file(n.path("try.js"), R"(
const { Worker } = require('worker_threads'), http = require('http'), fs = require('fs'), { execFileSync } = require('child_process');
if (execFileSync('echo', ['x']).toString() !== 'x\n') process.exit(3);
fs.writeFileSync(__dirname + '/written', 'x');
const worker = new Worker('require("worker_threads").parentPort.postMessage(1)', { eval: true });
worker.on('message', () => {
  const server = http.createServer((q, r) => r.end('x')).listen(0, '127.0.0.1', () =>
    http.get({ port: server.address().port, host: '127.0.0.1' }, () => console.log('all fine')));
});
)");
  auto started = n.cli({"start", "js"});
  INFO(n.cli({"logs", "js"}).out);
  CHECK(started.status == 0);
}
