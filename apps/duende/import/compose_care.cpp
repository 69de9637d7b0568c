// Of a compose service: how it is stopped, started again and looked after, its limits and its log.
#include "apps/duende/import/compose.hpp"

#include "apps/duende/import/ini.hpp"
#include "apps/duende/import/systemd_values.hpp"
#include "core/exit_reason.hpp"
#include "core/units.hpp"

#include <algorithm>
#include <charconv>

namespace duende::porting {

void compose_reader::read_stop(daemon_draft& daemon, const yaml_node& service) {
  if (auto node = service["stop_signal"]) {
    auto word = text(node, "stop_signal");
    if (auto number = signal_number(word); number > 0)
      daemon.text("", "stop_signal", std::string_view{signal_name(number)}.substr(3));
    else
      problems_.add(node.line(), "'stop_signal': '{}' is no signal", word.substr(0, 30));
  }
  daemon.text(
    "", "shutdown_timeout", format_duration(span(service["stop_grace_period"], "stop_grace_period").value_or(10s)));
}

void compose_reader::read_restart(daemon_draft& daemon, const yaml_node& service) {
  auto node = service["restart"];
  auto word = node ? text(node, "restart") : "no";
  auto policy = text(service["deploy"]["restart_policy"]["condition"], "condition");
  if (!node && !policy.empty())
    word = policy == "any" ? "always" : policy == "none" ? "no" : policy;
  auto colon = word.find(':');
  auto name = word.substr(0, colon);
  if (name == "no" || name == "false") {
    daemon.text("restart", "policy", "never");
  } else if (name == "always" || name == "unless-stopped") {
    daemon.text("restart", "policy", name);
  } else if (name == "on-failure" && colon == std::string::npos) {
    daemon.text("restart", "policy", "on-failure");
  } else if (auto retries = name == "on-failure" ? to_number(word.substr(colon + 1), 0, 1'000'000) : std::nullopt) {
    daemon.text("restart", "policy", "max-retries");
    daemon.set("restart", "max_retries", std::to_string(*retries));
  } else {
    problems_.add(
      (node ? node : service).line(), "'restart': '{}' is none of no, always, on-failure and unless-stopped",
      word.substr(0, 40));
  }
}

void compose_reader::read_health(daemon_draft& daemon, const yaml_node& check) {
  if (!check || text(check["disable"], "disable") == "true")
    return;
  if (!check.is(kind::map))
    return problems_.add(check.line(), "'healthcheck': expected a mapping");
  auto test = check["test"];
  std::vector<std::string> words;
  if (test.is(kind::scalar)) {
    words = {"/bin/sh", "-c", text(test, "test")};
  } else {
    words = texts(test, "test");
    if (words.empty() || words.front() == "NONE")
      return;
    auto how = words.front();
    words.erase(words.begin());
    if (how != "CMD" && how != "CMD-SHELL")
      return problems_.add(
        test.line(), "'test': a list begins with CMD, CMD-SHELL or NONE, not with '{}'", how.substr(0, 30));
    if (words.empty())
      return problems_.add(test.line(), "'test': an empty command");
    if (how == "CMD-SHELL")
      words = {"/bin/sh", "-c", words.front()};
  }
  auto interval = span(check["interval"], "interval").value_or(30s);
  auto timeout = span(check["timeout"], "timeout").value_or(30s);
  auto start = span(check["start_period"], "start_period").value_or(0s);
  long long retries = 3;
  if (auto node = check["retries"]) {
    auto number = to_number(text(node, "retries"), 1, 1000);
    if (!number)
      return problems_.add(node.line(), "'retries': no number from 1 to 1000");
    retries = *number;
  }
  // What depends on service_healthy waits for readiness: the same command, for as long as compose would try.
  daemon.text("ready", "type", "exec");
  daemon.set("ready", "command", toml(words));
  daemon.text("ready", "timeout", format_duration(start + retries * (interval + timeout)));
  daemon.text("health_check", "type", "exec");
  daemon.set("health_check", "command", toml(words));
  daemon.text("health_check", "interval", format_duration(interval));
  daemon.text("health_check", "timeout", format_duration(timeout));
  daemon.set("health_check", "retries", std::to_string(retries));
  if (start > 0s)
    daemon.text("health_check", "start_period", format_duration(start));
  daemon.text("health_check", "on_unhealthy", "report");
}

void compose_reader::read_resources(daemon_draft& daemon, const yaml_node& service) {
  auto limits = service["deploy"]["resources"]["limits"];
  auto memory = service["mem_limit"] ? service["mem_limit"] : limits["memory"];
  if (memory) {
    auto words = text(memory, "memory");
    std::string upper;
    for (char c : words)
      upper += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    if (auto bytes = parse_systemd_size(upper))
      daemon.text("resources", "memory_bytes", format_bytes(*bytes));
    else
      problems_.add(memory.line(), "'{}' is no size such as '512M'", words.substr(0, 30));
  }
  auto cpus = service["cpus"] ? service["cpus"] : limits["cpus"];
  if (cpus) {
    auto words = text(cpus, "cpus");
    double number = 0;
    auto [end, error] = std::from_chars(words.data(), words.data() + words.size(), number, std::chars_format::fixed);
    if (error == std::errc{} && end == words.data() + words.size() && number > 0 && number < 10'000)
      daemon.set("resources", "cpu_quota_percent", fmt::format("{:.1f}", number * 100));
    else
      problems_.add(cpus.line(), "'cpus': '{}' is no number", words.substr(0, 30));
  }
  auto pids = service["pids_limit"] ? service["pids_limit"] : limits["pids"];
  if (auto number = pids ? to_number(text(pids, "pids"), 1, 4'000'000) : std::nullopt)
    daemon.set("resources", "pids_max", std::to_string(*number));
  auto files = service["ulimits"]["nofile"];
  if (
    auto number =
      files ? to_number(text(files.is(kind::map) ? files["hard"] : files, "nofile"), 1, 1'073'741'816) : std::nullopt)
    daemon.set("resources", "open_files_max", std::to_string(*number));
  auto copies = service["scale"] ? service["scale"] : service["deploy"]["replicas"];
  if (auto number = copies ? to_number(text(copies, "replicas"), 0, 10'000) : std::nullopt; number && *number != 1) {
    if (*number == 0)
      daemon.set("", "autostart", "false", "it had 0 replicas");
    else
      daemon.set("", "instances", std::to_string(*number));
  }
}

void compose_reader::read_logging(daemon_draft& daemon, const yaml_node& logging) {
  auto options = logging["options"];
  if (auto size = options["max-size"]) {
    std::string upper;
    for (char c : text(size, "max-size"))
      upper += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    if (auto bytes = parse_systemd_size(upper))
      daemon.text("logs", "max_bytes", format_bytes(*bytes));
  }
  if (auto count = options["max-file"])
    if (auto number = to_number(text(count, "max-file"), 1, 10'000))
      daemon.set("logs", "max_files", std::to_string(*number));
  if (auto driver = text(logging["driver"], "driver"); !driver.empty() && driver != "json-file" && driver != "local")
    daemon.lost("the log driver " + driver, "logs are kept in files, 'duende logs' shows them", "logs");
}

} // namespace duende::porting
