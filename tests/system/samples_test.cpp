// What processes use, sample by sample, against the kernel's own figures.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <set>

using namespace duende::test;

namespace {

json samples_of(const node& n, const std::string& name, const std::string& query = {}) {
  auto answer = n.get("/v1/daemons/" + name + "/samples" + query);
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  return answer.parsed();
}

double kernel_figure(pid_t pid, const std::string& file, const std::string& key) {
  for (auto& line : lines_of(read_file("/proc/" + std::to_string(pid) + "/" + file)))
    if (line.compare(0, key.size(), key) == 0)
      return std::atof(line.c_str() + key.size());
  return NAN;
}

double value_of(const std::string& text, const std::string& series) {
  for (auto& line : lines_of(text))
    if (line.compare(0, series.size(), series) == 0)
      return std::atof(line.c_str() + line.rfind(' ') + 1);
  return NAN;
}

const char* const crowd = R"(
[[daemon]]
name = "crowd"
command = '''
python3 -c "
import threading, time, subprocess
for _ in range(6): threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
files = [open('/dev/null') for _ in range(50)]
for _ in range(3): subprocess.Popen(['/bin/sleep', '600'])
subprocess.Popen(['/bin/sh', '-c', 'sleep 600 & sleep 600 & wait'])
data = b'x' * (32 << 20)
open('out', 'wb').write(data)
open('ready', 'w').close()
time.sleep(600)
"
'''
working_dir = "@DIR@"
)";

} // namespace

TEST_CASE("a sample's figures are the kernel's", "[F028][F029][F059][F060]") {
  node n{crowd};
  n.until(
    "it is set up", [&] { return std::filesystem::exists(n.path("ready")); }, 30);
  n.until("its grandchildren run", [&] { return tree_of(n.pid_of_daemon("crowd")).size() == 7; });
  auto pid = n.pid_of_daemon("crowd");
  auto answer = samples_of(n, "crowd", "?detail=1");
  REQUIRE(answer["samples"].size() == 1); // asked for just now
  CHECK(answer["interval_seconds"] == 1.0);
  const auto& s = answer["samples"][0];
  CHECK(s["pid"] == pid);
  CHECK(s["memory_bytes"].get<double>() == Approx(kernel_figure(pid, "smaps_rollup", "Rss:") * 1024).epsilon(0.01));
  CHECK(s["threads"].get<double>() == kernel_figure(pid, "status", "Threads:"));
  CHECK(s["threads"] == 7);
  CHECK(s["children"] == 4);
  CHECK(s["open_fds"].get<int>() >= 53);
  CHECK(s["written_bytes"].get<double>() == kernel_figure(pid, "io", "write_bytes:"));
  const auto& memory = answer["detail"]["memory"];
  CHECK(memory["pss_bytes"].get<double>() == Approx(kernel_figure(pid, "smaps_rollup", "Pss:") * 1024).epsilon(0.01));
  std::set<pid_t> listed, real;
  for (const auto& p : answer["detail"]["tree"])
    listed.insert(p["pid"].get<pid_t>());
  for (auto p : tree_of(pid))
    real.insert(p);
  CHECK(listed == real);
  if (std::filesystem::exists("/proc/pressure/cpu"))
    CHECK(answer["detail"]["machine_pressure"]["cpu"]["some_10s"].is_number());

  auto text = http(n.metrics_address(), "GET", "/metrics").body;
  const std::string who = "{daemon=\"crowd\",supervisor=\"root\",node=\"test\",backend=\"native\"";
  CHECK(value_of(text, "duende_daemon_threads" + who) == 7);
  CHECK(value_of(text, "duende_daemon_children" + who) == 4);
  CHECK(value_of(text, "duende_daemon_open_fds" + who) >= 53);
  CHECK(
    value_of(text, "duende_daemon_io_bytes_total" + who + ",direction=\"write\"")
    == kernel_figure(pid, "io", "write_bytes:"));
  CHECK_FALSE(std::isnan(value_of(text, "duende_daemon_io_bytes_total" + who + ",direction=\"read\"")));
}

TEST_CASE("a machine without a GPU has no GPU figures, and nobody is told of an error", "[F058]") {
  if (std::filesystem::exists("/dev/nvidiactl")) {
    WARN("skipped: there is a GPU");
    return;
  }
  node n{"[[daemon]]\nname = \"w\"\ncommand = \"@WORKER@ @DIR@/w\"\n"};
  n.until_state("w", "running");
  CHECK_FALSE(samples_of(n, "w", "?detail=1")["detail"].contains("gpus"));
  CHECK(n.log().find("nvml") == std::string::npos);
  CHECK(n.log().find("nvidia") == std::string::npos);
}

TEST_CASE("a node that samples all keeps the history of each life, and a crash report has the last of it") {
  node n{
    "[[daemon]]\nname = \"eater\"\ncommand = \"@WORKER@ @DIR@/eater eat 48 1\"\n"
    "restart = { policy = \"always\", initial_delay = \"0s\" }\n",
    {.node_keys = "sample_interval = \"100ms\"\n"}};
  n.until(
    "it ate", [&] { return records(n.path("eater")).size() == 2; }, 30);
  auto first = n.pid_of_daemon("eater");
  n.until("samples", [&] { return samples_of(n, "eater")["samples"].size() > 5; });
  kill(first, SIGKILL);
  n.until("it is back", [&] { return n.pid_of_daemon("eater") > 0 && n.pid_of_daemon("eater") != first; });
  n.until("it is seen", [&] { return samples_of(n, "eater")["samples"].back()["pid"] != first; });
  std::set<pid_t> seen;
  double busiest = 0;
  auto history = samples_of(n, "eater");
  CHECK(history["interval_seconds"] == 0.1);
  pid_t before = 0;
  for (const auto& s : history["samples"]) {
    auto pid = s["pid"].get<pid_t>();
    seen.insert(pid);
    if (pid != before && before != 0)
      CHECK(s["cpu_percent"].is_null()); // two processes have no load in between
    before = pid;
    if (s["cpu_percent"].is_number())
      busiest = std::max(busiest, s["cpu_percent"].get<double>());
  }
  CHECK(seen.size() == 2);
  CHECK(busiest > 10); // it ate for a second, on a machine that may be busy with other things
  auto reports = n.get("/v1/daemons/eater/crashes").parsed();
  n.until("the report", [&] {
    reports = n.get("/v1/daemons/eater/crashes").parsed();
    return !reports.empty();
  });
  auto report = json::parse(read_file(reports[0]["path"]));
  REQUIRE(report["samples"].size() > 3);
  CHECK(report["samples"].size() <= 30);
  for (const auto& s : report["samples"])
    CHECK(s["pid"] == first);
  CHECK(report["samples"].back()["memory_bytes"].get<std::uint64_t>() > 48u << 20);
  auto shown = n.cli({"status", "eater"});
  INFO(shown.out);
  CHECK(shown.out.find("last used") != std::string::npos);
}

TEST_CASE("questions that make no sense, and daemons that are not there") {
  node n{"[[daemon]]\nname = \"w\"\ncommand = \"@WORKER@ @DIR@/w\"\n"
         "[[daemon]]\nname = \"down\"\nautostart = false\ncommand = \"@WORKER@ @DIR@/down\"\n"};
  n.until_state("w", "running");
  for (auto query : {"?last=x", "?last=25h", "?interval=1ms", "?interval=2h", "?detail=perhaps", "?last=-1s"}) {
    INFO(query);
    auto answer = n.get(std::string{"/v1/daemons/w/samples"} + query);
    CHECK(answer.status == 400);
    CHECK(answer.body.find("parameter '") != std::string::npos);
  }
  CHECK(n.get("/v1/daemons/nobody/samples").status == 404);
  auto none = samples_of(n, "down");
  CHECK(none["samples"].empty());
  CHECK(none["interval_seconds"].is_null());
  CHECK(n.cli({"start", "down"}).status == 0); // asked about a moment ago, so it is looked at
  n.until("samples", [&] { return !samples_of(n, "down")["samples"].empty(); });
  auto all = samples_of(n, "w", "?last=0s")["samples"].size();
  CHECK(all <= 1);
}
