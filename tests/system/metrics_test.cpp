// /metrics judged by Prometheus itself, and its figures by the kernel's.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <sstream>

using namespace duende::test;

namespace {

std::string worker_named(const std::string& name, const std::string& mode) {
  return "[[daemon]]\nname = \"" + name + "\"\ncommand = \"@WORKER@ @DIR@/" + name + " " + mode + "\"\n";
}

/// The value of the first series of `metric` whose labels hold `label`.
double value_of(const std::string& text, const std::string& metric, const std::string& label) {
  for (auto& line : lines_of(text))
    if (line.compare(0, metric.size() + 1, metric + "{") == 0 && line.find(label) != std::string::npos)
      return std::atof(line.c_str() + line.rfind(' ') + 1);
  return NAN;
}

double kernel_rss(pid_t pid) {
  for (auto& line : lines_of(read_file("/proc/" + std::to_string(pid) + "/smaps_rollup")))
    if (line.compare(0, 4, "Rss:") == 0)
      return std::atof(line.c_str() + 4) * 1024;
  return NAN;
}

double kernel_cpu(pid_t pid) {
  auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  std::istringstream in{stat.substr(stat.rfind(')') + 2)};
  std::string word;
  for (int i = 0; i < 11; ++i)
    in >> word;
  double user = 0, system = 0;
  in >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

/// A real Prometheus that scrapes `target` each 200 ms.
class prometheus {
public:
  explicit prometheus(const std::string& target) : port_(free_port()) {
    write_file(
      dir_.path("p.yml"), "global: { scrape_interval: 200ms, scrape_timeout: 200ms }\n"
                          "scrape_configs: [{ job_name: duende, static_configs: [{ targets: ['"
                            + target + "'] }] }]\n");
    pid_ = fork();
    if (pid_ == 0) {
      auto out = dir_.path("out");
      if (!freopen(out.c_str(), "w", stdout) || !freopen(out.c_str(), "w", stderr))
        _exit(1);
      auto config = "--config.file=" + dir_.path("p.yml"), data = "--storage.tsdb.path=" + dir_.path("data"),
           listen = "--web.listen-address=127.0.0.1:" + std::to_string(port_);
      execlp("prometheus", "prometheus", config.c_str(), data.c_str(), listen.c_str(), nullptr);
      _exit(127);
    }
  }
  ~prometheus() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  json query(const std::string& expression) const {
    auto answer = http("127.0.0.1:" + std::to_string(port_), "GET", "/api/v1/query?query=" + expression);
    return answer.status == 200 ? answer.parsed()["data"]["result"] : json::array();
  }
  std::string targets() const { return http("127.0.0.1:" + std::to_string(port_), "GET", "/api/v1/targets").body; }

private:
  scratch dir_;
  int port_;
  pid_t pid_ = 0;
};

} // namespace

TEST_CASE("metrics are valid: promtool and a real scrape say so", "[F047]") {
  node n{
    worker_named("a", "idle") + worker_named("b-with.dots_1", "exit 20 1")
    + "[[daemon]]\nname = \"bad\"\nbinary_path = \"/nonexistent\"\n"};
  n.until_state("a", "running");
  n.until("b restarted", [&] { return n.ps("b-with.dots_1")["restarts"].get<int>() > 1; });
  auto answer = http(n.metrics_address(), "GET", "/metrics");
  REQUIRE(answer.status == 200);
  CHECK_THAT(answer.head, Contains("text/plain"));
  CHECK(n.get("/metrics").status == 200);
  scratch dir;
  write_file(dir.path("m"), answer.body);
  auto judged = run({"sh", "-c", "promtool check metrics < " + dir.path("m")});
  INFO(judged.out << judged.err);
  CHECK(judged.status == 0);
  for (auto metric :
       {"duende_build_info", "duende_daemons", "duende_daemon_up", "duende_daemon_state", "duende_daemon_starts_total",
        "duende_daemon_restarts_total", "duende_daemon_exits_total", "duende_daemon_start_seconds_bucket",
        "duende_daemon_uptime_seconds"}) {
    INFO(metric);
    CHECK_THAT(answer.body, Contains(metric));
  }

  prometheus real{n.metrics_address()};
  n.until(
    "Prometheus scraped",
    [&] {
      auto up = real.query("up");
      return up.is_array() && !up.empty() && up[0]["value"][1] == "1";
    },
    30);
  auto up = real.query("duende_daemon_up{daemon=\"a\"}");
  INFO(real.targets());
  REQUIRE(up.size() == 1);
  CHECK(up[0]["value"][1] == "1");

  // A removed daemon's series are gone from the next scrape.
  CHECK(n.cli({"rm", "a"}).status == 0);
  CHECK(http(n.metrics_address(), "GET", "/metrics").body.find("daemon=\"a\"") == std::string::npos);
}

TEST_CASE("reported memory and CPU are the kernel's", "[F028][F029]") {
  node n{worker_named("w", "eat 64 2")};
  n.until_state("w", "running");
  n.until(
    "it ate", [&] { return records(n.path("w")).size() == 2; }, 30);
  auto pid = n.pid_of_daemon("w");
  auto text = http(n.metrics_address(), "GET", "/metrics").body;
  auto memory = value_of(text, "duende_daemon_resident_memory_bytes", "daemon=\"w\"");
  CHECK(memory == Approx(kernel_rss(pid)).epsilon(0.01));
  double cpu = 0;
  for (auto mode : {"user", "system"}) {
    auto part = value_of(text, "duende_daemon_cpu_seconds_total", std::string{"mode=\""} + mode);
    cpu += std::isnan(part) ? 0 : part;
  }
  CHECK(cpu == Approx(kernel_cpu(pid)).epsilon(0.05));
  CHECK(n.ps("w")["memory_bytes"].get<double>() == Approx(kernel_rss(pid)).epsilon(0.01));
}
