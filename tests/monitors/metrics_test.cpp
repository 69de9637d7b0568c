#include "monitors/metrics/exposition.hpp"

#include "tests/support/catch.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

using namespace duende;

namespace {

metrics_input sample() {
  metrics_input input;
  input.node = "web-1";
  input.version = "0.1.0";
  auto& db = input.daemons.emplace_back();
  db.status.name = "db";
  db.status.supervisor = "shop";
  db.status.backend = "native";
  db.status.state = daemon_state::running;
  db.status.health = health_state::degraded;
  db.status.uptime_seconds = 12.5;
  auto counters = std::make_shared<daemon_counters>();
  counters->starts = 3;
  counters->restarts = 2;
  counters->exits[static_cast<std::size_t>(exit_cause::signal)] = 2;
  counters->start_seconds.observe(0.004);
  counters->start_seconds.observe(0.2);
  counters->restart_seconds.observe(1000);
  db.status.counters = counters;
  auto& usage = db.usage.emplace();
  usage.user = std::chrono::milliseconds{1500};
  usage.system = std::chrono::milliseconds{250};
  usage.resident_bytes = 123456789;
  usage.threads = 4;
  usage.open_fds = 17;
  usage.children = 0;
  usage.read_bytes = 4096;
  usage.written_bytes = 8192;
  db.out = stream_totals{1000, 2};
  db.err = stream_totals{10, 0};
  auto& worker = input.daemons.emplace_back();
  worker.status.name = "worker";
  worker.status.supervisor = "root";
  worker.status.backend = "thread";
  worker.status.state = daemon_state::backoff;
  auto red = std::make_shared<daemon_counters>();
  red->requests = 7;
  red->errors = 1;
  red->request_seconds.observe(0.003);
  worker.status.counters = red;
  supervisor_status root;
  root.name = "root";
  root.restarts = 2;
  root.escalations = 1;
  input.supervisors = {root};
  input.actors = 12;
  input.mailbox_max = 3;
  return input;
}

/// What promtool says about the text; empty where it finds nothing wrong.
std::string judged(const std::string& text) {
  char path[] = "/tmp/duende-metrics-XXXXXX";
  const int fd = mkstemp(path);
  REQUIRE(fd >= 0);
  REQUIRE(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  close(fd);
  const auto command = std::string{"promtool check metrics < "} + path + " 2>&1";
  FILE* out = popen(command.c_str(), "r");
  REQUIRE(out);
  std::string said;
  for (int c; (c = fgetc(out)) != EOF;)
    said += static_cast<char>(c);
  const int status = pclose(out);
  std::remove(path);
  if (status != 0 && said.empty())
    said = "exit status " + std::to_string(WEXITSTATUS(status));
  return said;
}

bool has_promtool() { return std::system("command -v promtool >/dev/null") == 0; }

} // namespace

TEST_CASE("promtool accepts the metrics", "[F047]") {
  if (!has_promtool()) {
    WARN("skipped: promtool is not installed");
    return;
  }
  CHECK(judged(render_metrics(sample())) == "");
  CHECK(judged(render_metrics({})) == "");
  auto odd = sample();
  odd.node = "no\\de";
  odd.daemons[0].status.name = "a\"b\\c\nd{e=\"f\"}";
  odd.daemons[1].status.name = std::string{"\xff\xc3(\xe2\x82\xac\0z", 8};
  odd.supervisors[0].name = "";
  CHECK(judged(render_metrics(odd)) == "");
  CHECK(judged("duende_broken{x=\"y} 1\n") != "");
}

TEST_CASE("metrics carry what the contract names") {
  const auto text = render_metrics(sample());
  const std::string db = "daemon=\"db\",supervisor=\"shop\",node=\"web-1\",backend=\"native\"";
  const std::string worker = "daemon=\"worker\",supervisor=\"root\",node=\"web-1\",backend=\"thread\"";
  const std::vector<std::string> lines = {
    "duende_build_info{node=\"web-1\",version=\"0.1.0\"} 1",
    "duende_daemons{node=\"web-1\",state=\"running\"} 1",
    "duende_daemons{node=\"web-1\",state=\"failed\"} 0",
    "duende_daemon_up{" + db + "} 1",
    "duende_daemon_up{" + worker + "} 0",
    "duende_daemon_state{" + db + ",state=\"running\"} 1",
    "duende_daemon_state{" + db + ",state=\"backoff\"} 0",
    "duende_daemon_starts_total{" + db + "} 3",
    "duende_daemon_restarts_total{" + db + "} 2",
    "duende_daemon_exits_total{" + db + ",cause=\"signal\"} 2",
    "duende_daemon_exits_total{" + db + ",cause=\"oom\"} 0",
    "duende_daemon_start_seconds_count{" + db + "} 2",
    "duende_daemon_start_seconds_bucket{" + db + ",le=\"0.005\"} 1",
    "duende_daemon_start_seconds_bucket{" + db + ",le=\"0.5\"} 2",
    "duende_daemon_restart_seconds_bucket{" + db + ",le=\"120\"} 0",
    "duende_daemon_restart_seconds_bucket{" + db + ",le=\"+Inf\"} 1",
    "duende_daemon_restart_seconds_sum{" + db + "} 1000",
    "duende_daemon_uptime_seconds{" + db + "} 12.5",
    "duende_daemon_health{" + db + "} 0.5",
    "duende_daemon_cpu_seconds_total{" + db + ",mode=\"user\"} 1.5",
    "duende_daemon_cpu_seconds_total{" + db + ",mode=\"system\"} 0.25",
    "duende_daemon_resident_memory_bytes{" + db + "} 123456789",
    "duende_daemon_open_fds{" + db + "} 17",
    "duende_daemon_threads{" + db + "} 4",
    "duende_daemon_children{" + db + "} 0",
    "duende_daemon_io_bytes_total{" + db + ",direction=\"read\"} 4096",
    "duende_daemon_io_bytes_total{" + db + ",direction=\"write\"} 8192",
    "duende_daemon_log_bytes_total{" + db + ",stream=\"stdout\"} 1000",
    "duende_daemon_log_rotations_total{" + db + ",stream=\"stderr\"} 0",
    "duende_daemon_requests_total{" + worker + "} 7",
    "duende_daemon_errors_total{" + worker + "} 1",
    "duende_daemon_request_seconds_count{" + worker + "} 1",
    "duende_supervisor_restarts_total{supervisor=\"root\",node=\"web-1\"} 2",
    "duende_supervisor_escalations_total{supervisor=\"root\",node=\"web-1\"} 1",
    "duende_node_actors{node=\"web-1\"} 12",
    "duende_node_mailbox_depth_max{node=\"web-1\"} 3",
  };
  for (const auto& line : lines) {
    INFO(line);
    CHECK(text.find('\n' + line + '\n') != std::string::npos);
  }
  CHECK(text.find("duende_daemon_health{" + worker) == std::string::npos);
  CHECK(text.find("duende_daemon_requests_total{" + db) == std::string::npos);
  CHECK(text.find("duende_node_peers") == std::string::npos);
}

TEST_CASE("every metric has its help and type, once") {
  const auto text = render_metrics(sample());
  std::size_t at = 0, helps = 0, types = 0;
  while ((at = text.find("# HELP ", at)) != std::string::npos) {
    ++helps;
    const auto name = text.substr(at + 7, text.find(' ', at + 7) - at - 7);
    CHECK(text.find("# HELP " + name + " ", at + 1) == std::string::npos);
    CHECK(text.find("# TYPE " + name + " ") != std::string::npos);
    ++at;
  }
  for (at = 0; (at = text.find("# TYPE ", at)) != std::string::npos; ++at)
    ++types;
  CHECK(helps == 26);
  CHECK(types == helps);
}
