// Daemons that speak sd_notify(3): what they say again, say late, and leave behind.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <csignal>
#include <dirent.h>

using namespace duende::test;

namespace {

std::size_t entries(const std::string& folder) {
  std::size_t count = 0;
  if (auto* dir = opendir(folder.c_str())) {
    while (readdir(dir) != nullptr)
      ++count;
    closedir(dir);
  }
  return count;
}

std::size_t open_files(pid_t pid) { return entries("/proc/" + std::to_string(pid) + "/fd"); }

std::string scripted(const std::string& keys = {}) {
  return R"(
[[daemon]]
name = "d"
command = "/usr/bin/python3 @DIR@/d.py @DIR@"
ready = { type = "notify", timeout = "20s" }
restart = { policy = "always", initial_delay = "0s", next_delay = "0s" }
)" + keys;
}

constexpr std::string_view words = R"(
import os, signal, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def say(text): s.sendto(text.encode(), os.environ['NOTIFY_SOCKET'])
open(sys.argv[1] + '/starts', 'a').write('x')
)";

} // namespace

TEST_CASE("daemons that come and go leave no descriptor and no file behind") {
  node n{"[[daemon]]\nname = \"other\"\ncommand = \"sleep 1000\"\n"};
  write_file(n.path("d.py"), std::string{words} + "say('READY=1')\nsignal.pause()\n");
  n.rewrite_stack(scripted("instances = 2\n"));
  auto applied = n.cli({"apply", "-f", n.path("duende.toml")});
  INFO(applied.err);
  REQUIRE(applied.status == 0);
  n.until_state("d-2", "running", 20);
  auto roll = [&] {
    auto rolled = n.cli({"restart", "--rolling", "d"}, 60);
    INFO(rolled.err);
    REQUIRE(rolled.status == 0);
  };
  auto notify = n.pid_of("duende-keeper");
  struct figures {
    std::size_t node, keeper, files;
    bool operator==(const figures&) const = default;
  };
  auto count = [&] {
    return figures{open_files(n.pid_of("duended")), open_files(notify), entries(n.path("run/notify"))};
  };
  roll();
  auto before = count();
  REQUIRE(before.files >= 4); // with . and ..
  for (int i = 0; i < 20; ++i)
    roll();
  figures after{};
  bool same = eventually(10, [&] { return (after = count()) == before; }); // its going is not waited for
  INFO(
    "node " << before.node << " -> " << after.node << ", keeper " << before.keeper << " -> " << after.keeper
            << ", files " << before.files << " -> " << after.files);
  CHECK(same);
}

TEST_CASE("a stop that was asked for survives the node, whatever the daemon says meanwhile") {
  node n{"[[daemon]]\nname = \"other\"\ncommand = \"sleep 1000\"\n"};
  write_file(n.path("d.py"), std::string{words} + R"(
asked = []
def term(*_):
  asked.append(1)
  if len(asked) > 1: os._exit(0)
  say('READY=1'); say('STATUS=not yet')
signal.signal(signal.SIGTERM, term)
say('READY=1')
while True: signal.pause()
)");
  n.rewrite_stack(scripted("shutdown_timeout = \"20s\"\n"));
  REQUIRE(n.cli({"apply", "-f", n.path("duende.toml")}).status == 0);
  n.until_state("d", "running", 20);
  REQUIRE(n.post("/v1/daemons/d/stop?wait=false").status < 300);
  n.until("it has heard and spoken", [&] { return n.ps("d").value("status_text", "") == "not yet"; });
  auto node_pid = n.pid_of("duended");
  kill(node_pid, SIGKILL);
  n.until("the node is back", [&] { return n.pid_of("duended") != node_pid && !n.ps().empty(); });
  n.until_state("d", "stopped", 10);
  CHECK(read_file(n.path("starts")) == "x");
}

TEST_CASE("a main process that is named with its readiness is shown everywhere") {
  node n{"[[daemon]]\nname = \"other\"\ncommand = \"sleep 1000\"\n"};
  write_file(n.path("d.py"), std::string{words} + R"(
child = os.fork()
if child == 0: signal.pause()
say('MAINPID=%d\nREADY=1' % child)
open(sys.argv[1] + '/child', 'w').write('%d\n' % child)
signal.pause()
)");
  n.rewrite_stack(scripted("pid_file = \"@DIR@/d.pid\"\n"));
  REQUIRE(n.cli({"apply", "-f", n.path("duende.toml")}).status == 0);
  n.until_state("d", "running", 20);
  auto child = [&] { return read_file(n.path("child")); };
  n.until("its child", [&] { return child().ends_with('\n'); });
  n.until("the pid", [&] { return n.pid_of_daemon("d") == std::stoi(child()); });
  n.until("the pid file", [&] { return read_file(n.path("d.pid")) == child(); });
}
