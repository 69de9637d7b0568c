// Reports of abnormal ends, as a person and a program find them.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>

using namespace duende::test;

namespace {

std::vector<std::string> reports(const node& n, const std::string& name) {
  std::vector<std::string> found;
  std::error_code none;
  for (auto& each : std::filesystem::directory_iterator{n.path("state/crashes/" + name), none})
    if (each.path().extension() == ".json")
      found.push_back(each.path());
  std::sort(found.begin(), found.end());
  return found;
}

json last_report(const node& n, const std::string& name, std::size_t count = 1) {
  n.until("a report of " + name, [&] { return reports(n, name).size() >= count; });
  return json::parse(read_file(reports(n, name).back()));
}

} // namespace

TEST_CASE("a crash leaves its cause, its figures and its last lines") {
  node n{R"(
[[daemon]]
name = "web"
version = "7.1"
command = "@WORKER@ @DIR@/starts lastwords 150 11"
env = { PASSWORD = "hush" }
working_dir = "@DIR@"
restart = { policy = "always", initial_delay = "60s" }
)"};
  auto report = last_report(n, "web");
  auto text = std::string{report["text"]};
  CHECK(text.starts_with("killed by SIGSEGV"));
  CHECK(report["reason"]["signal"] == "SIGSEGV");
  CHECK(report["reason"]["cause"] == "signal");
  CHECK(report["daemon"] == "web");
  CHECK(report["version"] == "7.1");
  CHECK(report["incarnation"] == 1);
  CHECK(report["pid"].is_number());
  CHECK(report["gave_up"].is_null());
  CHECK(report["usage"]["max_rss_bytes"] > 0);
  CHECK(report["left_out"] == 0);
  CHECK(report["core"].is_object() == (text.find("core dumped") != std::string::npos));
  REQUIRE(report["log_lines"].size() == 100);
  auto& lines = report["log_lines"];
  CHECK(std::count_if(lines.begin(), lines.end(), [](auto& each) { return each["stream"] == "stderr"; }) == 1);
  CHECK(std::any_of(lines.begin(), lines.end(), [](auto& each) { return each["text"] == "word 150"; }));
  CHECK(std::any_of(lines.begin(), lines.end(), [](auto& each) { return each["text"] == "the end is near"; }));
  CHECK(read_file(reports(n, "web")[0]).find("hush") == std::string::npos);

  auto shown = n.cli({"status", "web"});
  CHECK(shown.out.find(reports(n, "web")[0]) != std::string::npos);
  CHECK(shown.out.find("last lines before incarnation 1 ended (killed by SIGSEGV") != std::string::npos);
  CHECK(shown.out.find("word 150") != std::string::npos);
  auto status = json::parse(n.cli({"status", "web", "--json"}).out);
  CHECK(status["last_crash"]["path"] == reports(n, "web")[0]);
  CHECK(status["last_crash"]["text"] == text);
  CHECK(status["log_lines"].size() == 10);
  auto list = n.get("/v1/daemons/web/crashes");
  REQUIRE(list.parsed().size() == 1);
  auto id = std::string{list.parsed()[0]["id"]};
  CHECK(n.get("/v1/daemons/web/crashes/" + id).parsed() == report);
  CHECK(n.get("/v1/daemons/web/crashes/20260101T000000.000Z-1").status == 404);
  CHECK(n.get("/v1/daemons/web/crashes/..%2F..%2Fduende.db").status == 404);
  CHECK(n.get("/v1/daemons/nobody/crashes").status == 404);
  CHECK(n.post("/v1/daemons/web/crashes").status == 405);
}

TEST_CASE("which ends are reported") {
  node n{R"(
[[daemon]]
name = "fails"
command = "sh -c 'echo bye; exit 3'"
restart = { policy = "never" }
[[daemon]]
name = "done"
command = "sh -c 'exit 4'"
restart = { policy = "never", success_codes = [0, 4] }
[[daemon]]
name = "off"
command = "sh -c 'exit 3'"
restart = { policy = "never" }
logs = { crash_reports = 0 }
[[daemon]]
name = "late"
command = "sleep 1000"
ready = { type = "fd", timeout = "100ms" }
restart = { policy = "max-retries", max_retries = 1, initial_delay = "0s" }
[[daemon]]
name = "stubborn"
command = "@WORKER@ @DIR@/starts stubborn"
shutdown_timeout = "200ms"
[[daemon]]
name = "good"
command = "sleep 1000"
)"};
  auto fails = last_report(n, "fails");
  CHECK(fails["text"] == "exited with code 3");
  CHECK(std::string{fails["gave_up"]}.find("policy 'never'") != std::string::npos);
  CHECK(fails["log_lines"][0]["text"] == "bye");
  auto late = last_report(n, "late", 2); // the second one although it is at once: the last before it is given up
  CHECK(late["text"] == "timed out: not ready within 100ms");
  CHECK(late["gave_up"].is_string());
  n.until_state("stubborn", "running");
  n.until("its first instruction", [&] { return !records(n.path("starts")).empty(); });
  CHECK(n.cli({"stop", "stubborn"}).status == 0);
  CHECK(last_report(n, "stubborn")["text"] == "killed by SIGKILL: did not stop within 200ms");
  CHECK(n.cli({"stop", "good"}).status == 0);
  n.until_state("done", "stopped");
  n.until_state("off", "failed");
  CHECK(n.cli({"stop", "fails"}).status == 0);
  CHECK(reports(n, "good").empty());
  CHECK(reports(n, "done").empty());
  CHECK(reports(n, "off").empty());
  auto status = json::parse(n.cli({"status", "good", "--json"}).out);
  CHECK(status["last_crash"].is_null());
}

TEST_CASE("a crash loop gets one report in ten seconds, a count of the others, and one where it is given up") {
  node n{R"(
[[supervisor]]
name = "shop"
intensity = { restarts = 5, window = "30s" }
[[daemon]]
name = "web"
supervisor = "shop"
command = "sh -c 'exit 1'"
restart = { policy = "always", initial_delay = "0s", next_delay = "0s" }
logs = { crash_reports = 2 }
)"};
  auto escalated = [&] {
    for (auto& each : n.events())
      if (each["kind"] == "escalation")
        return true;
    return false;
  };
  n.until("the supervisor gives up", escalated);
  json last; // the root begins it again and again: others follow
  n.until("the report of it", [&] {
    auto all = reports(n, "web");
    last = all.empty() ? json{} : json::parse(read_file(all.back()), nullptr, false);
    return last.is_object() && last["gave_up"].is_string();
  });
  CHECK(std::string{last["gave_up"]}.starts_with("5 restarts in 30s, the limit is 5 in 30s"));
  CHECK(reports(n, "web").size() <= 2);
  std::string texts;
  for (auto& each : n.events())
    texts += std::string{each["text"]} + "\n";
  CHECK(texts.find("5 restarts in 30s, the limit is 5 in 30s") != std::string::npos);
}

TEST_CASE("a core is found where the kernel put it") {
  options how;
  how.prefix = {"sh", "-c", "ulimit -c unlimited && exec \"$@\"", "sh"};
  node n{
    R"(
[[daemon]]
name = "web"
command = "@WORKER@ @DIR@/starts lastwords 1 11"
working_dir = "@DIR@"
restart = { policy = "never" }
)",
    how};
  auto report = last_report(n, "web");
  auto pattern = read_file("/proc/sys/kernel/core_pattern");
  if (report["core"].is_null()) {
    WARN("this machine writes no cores");
    return;
  }
  CHECK(report["text"] == "killed by SIGSEGV (core dumped)");
  if (pattern[0] == '|')
    CHECK_FALSE(std::string{report["core"]["text"]}.empty());
  else
    CHECK(std::filesystem::exists(std::string{report["core"]["path"]}));
  CHECK(n.cli({"status", "web"}).out.find("core          " + std::string{report["core"]["text"]}) != std::string::npos);
}
