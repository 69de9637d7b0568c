// compose.yaml. Source: the Compose Specification.
#include "apps/duende/import/ini.hpp"
#include "apps/duende/import/interpolate.hpp"
#include "apps/duende/import/shell.hpp"
#include "apps/duende/import/systemd_values.hpp"
#include "apps/duende/import/yaml.hpp"

#include "core/config/env_file.hpp"
#include "core/config/file.hpp"
#include "core/config/rules.hpp"
#include "core/exit_reason.hpp"
#include "core/paths.hpp"
#include "core/units.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace duende::porting {
namespace {

using kind = yaml_node::kind;

/// Keys that are read below, or that say nothing to who has no containers.
constexpr auto handled = std::to_array<std::string_view>(
  {"image",       "build",          "command",     "entrypoint", "environment", "env_file",          "depends_on",
   "restart",     "healthcheck",    "working_dir", "user",       "stop_signal", "stop_grace_period", "profiles",
   "deploy",      "scale",          "mem_limit",   "cpus",       "pids_limit",  "ulimits",           "logging",
   "pull_policy", "container_name", "platform",    "init",       "tty",         "stdin_open",        "attach",
   "annotations"});

class reader {
public:
  reader(const source_file& file, const surroundings& around)
    : path_(file.path), folder_(config::folder_of(file.path)), around_(around), problems_(file.path) {
    what_.source = fmt::format("Made by 'duende import compose {}'.", path_);
    if (auto text = around.read(absolute_path(folder_, ".env"))) {
      config::error_list ignored;
      dot_env_ = config::parse_env(*text, ".env", ignored);
    }
  }

  result run(std::string_view text) {
    if (!readable(text, problems_))
      return {{}, problems_.take()};
    yaml_file file{text, problems_};
    if (problems_.any())
      return {{}, problems_.take()};
    auto services = file.root()["services"];
    if (!file.root().is(kind::map))
      problems_.add(1, "no mapping at the top: is this a compose file?");
    else if (!services)
      problems_.add(0, "no 'services': is this a compose file?");
    else if (!services.is(kind::map))
      problems_.add(services.line(), "'services': expected a mapping of names to services");
    if (problems_.any())
      return {{}, problems_.take()};
    read_top(file.root());
    for (auto& [name, service] : services.members()) {
      if (!service.is(kind::map)) {
        problems_.add(service.line(), "service '{}': expected a mapping", name);
        continue;
      }
      if (what_.daemons.size() > max_imported_daemons)
        break;
      read_service(name, service);
    }
    if (what_.daemons.empty())
      what_.head.push_back("It has no service, so there is no daemon.");
    return conclude(std::move(what_), problems_, path_);
  }

private:
  void read_top(const yaml_node& root) {
    for (auto& [name, value] : root.members()) {
      if (name == "services" || name == "version" || name.starts_with("x-"))
        continue;
      if (name == "name")
        what_.head.push_back(fmt::format("Its name was '{}': a node's name is [node] name.", text(value, name)));
      else
        what_.head.push_back(fmt::format(
          "Not carried over: '{}': {}.", name,
          name == "include" ? "import those files one by one and use [node] include"
                            : "daemons share the machine's own"));
    }
  }

  std::optional<std::string> variable(const std::string& name) const {
    if (auto value = around_.variable(name))
      return value;
    auto found = dot_env_.find(name);
    return found == dot_env_.end() ? std::nullopt : std::optional{found->second};
  }

  /// A scalar with its variables put in; empty after reporting where it is none.
  std::string text(const yaml_node& node, std::string_view what) {
    if (!node.is(kind::scalar)) {
      if (node)
        problems_.add(node.line(), "'{}': expected a text", what);
      return {};
    }
    auto done = interpolate(node.text(), [this](const std::string& name) { return variable(name); });
    if (!done.fault.empty())
      problems_.add(node.line(), "'{}': {}", what, done.fault);
    missing_.merge(done.missing);
    return std::move(done.text);
  }

  std::vector<std::string> texts(const yaml_node& node, std::string_view what) {
    std::vector<std::string> result;
    if (node.is(kind::scalar))
      result.push_back(text(node, what));
    else if (node.is(kind::map))
      problems_.add(node.line(), "'{}': expected a text or a list of texts", what);
    for (const auto& item : node.items())
      result.push_back(text(item, what));
    return result;
  }

  /// A command: a list is its words, a text is split at blanks and quotes, without a shell.
  std::vector<std::string> command(const yaml_node& node, std::string_view what) {
    if (!node.is(kind::scalar))
      return texts(node, what);
    std::vector<std::string> words;
    if (!split_plain(text(node, what), words))
      problems_.add(node.line(), "'{}': a quote is not closed", what);
    return words;
  }

  void read_service(const std::string& name, const yaml_node& service) {
    missing_.clear();
    daemon_draft daemon{name};
    read_mounts(service["volumes"]);
    auto entrypoint = command(service["entrypoint"], "entrypoint"), words = command(service["command"], "command");
    words.insert(words.begin(), entrypoint.begin(), entrypoint.end());
    auto image = text(service["image"], "image");
    bool built = static_cast<bool>(service["build"]);
    std::erase_if(
      words, [first = true](const std::string& word) mutable { return std::exchange(first, false) && word.empty(); });
    if (words.empty() || words.front().starts_with('-')) {
      daemon.text("", "binary_path", "/nonexistent/the-command-is-in-the-image");
      daemon.refuse(fmt::format(
        "not carried over: service '{}': its command is in {}, and the container backend is not supported by this "
        "version. "
        "Write the program that runs in it, and take the # away.",
        name, image.empty() ? "the image that is built" : fmt::format("the image '{}'", image)));
    } else {
      if (words.front().find('/') != std::string::npos)
        words.front() = on_host(words.front());
      daemon.command(words);
    }
    if (!image.empty())
      daemon.lost(
        fmt::format("image = {}", image), "the container backend is not supported by this version: the program runs on "
                                          "this machine, where it must be installed");
    if (built)
      daemon.lost("build", "nothing is built: the program runs on this machine");
    read_place(daemon, service, built);
    read_environment(daemon, service);
    read_needs(daemon, service["depends_on"]);
    read_stop(daemon, service);
    read_restart(daemon, service);
    read_health(daemon, service["healthcheck"]);
    read_resources(daemon, service);
    read_logging(daemon, service["logging"]);
    if (auto profiles = texts(service["profiles"], "profiles"); !profiles.empty())
      daemon.set(
        "", "autostart", "false",
        fmt::format("of the profiles {}: 'duende start {}'", fmt::join(profiles, ", "), valid_name_of(name)));
    read_rest(daemon, service);
    for (const auto& each : missing_)
      daemon.remark(fmt::format("'{}' is not set in this environment nor in .env: it became nothing", each));
    what_.daemons.push_back(std::move(daemon));
  }

  /// Folders of the machine that a container sees elsewhere: paths within them can be carried over.
  void read_mounts(const yaml_node& volumes) {
    mounts_.clear();
    for (const auto& each : volumes.items()) {
      std::string from, to;
      if (each.is(kind::map)) {
        from = text(each["source"], "volumes");
        to = text(each["target"], "volumes");
      } else {
        auto whole = text(each, "volumes");
        auto colon = whole.find(':');
        if (colon == std::string::npos)
          continue;
        from = whole.substr(0, colon);
        to = whole.substr(colon + 1, whole.find(':', colon + 1) - colon - 1);
      }
      while (to.size() > 1 && to.ends_with('/'))
        to.pop_back();
      if ((from.starts_with('.') || from.starts_with('/')) && to.starts_with('/'))
        mounts_.emplace_back(absolute_path(folder_, from), to);
    }
  }

  /// A path within the container as one of this machine, where a volume says so.
  std::string on_host(const std::string& inside) const {
    for (const auto& [from, to] : mounts_)
      if (inside == to || (inside.starts_with(to) && inside[to.size()] == '/'))
        return from + inside.substr(to.size());
    return inside.starts_with('/') ? inside : absolute_path(folder_, inside);
  }

  bool mounted(const std::string& inside) const {
    return std::any_of(mounts_.begin(), mounts_.end(), [&](const auto& each) {
      return inside == each.second || inside.starts_with(each.second + "/");
    });
  }

  void read_place(daemon_draft& daemon, const yaml_node& service, bool built) {
    auto where = text(service["working_dir"], "working_dir");
    auto build = service["build"];
    auto context = build.is(kind::map) ? text(build["context"], "context") : built ? text(build, "build") : "";
    if (context.find("://") != std::string::npos)
      context.clear();
    auto base = absolute_path(folder_, context.empty() ? "." : context);
    if (where.empty())
      daemon.text("", "working_dir", base);
    else if (where.starts_with('/') && !mounted(where))
      daemon.set(
        "", "working_dir", toml(base),
        fmt::format("not carried over: working_dir = {}: that is a folder of the image", where));
    else
      daemon.text("", "working_dir", on_host(where));
    if (auto user = text(service["user"], "user"); !user.empty()) {
      auto colon = user.find(':');
      daemon.text("", "user", user.substr(0, colon));
      if (colon != std::string::npos && colon + 1 < user.size())
        daemon.text("", "group", user.substr(colon + 1));
    }
  }

  void read_environment(daemon_draft& daemon, const yaml_node& service) {
    std::map<std::string, std::string> variables;
    std::vector<std::string> inherited{"PATH", "HOME", "LANG", "TZ"};
    auto add = [&](const std::string& name, std::optional<std::string> value) {
      if (value)
        variables[name] = std::move(*value);
      else if (auto found = dot_env_.find(name); found != dot_env_.end())
        variables[name] = found->second;
      else
        inherited.push_back(name);
    };
    auto environment = service["environment"];
    for (auto& [name, value] : environment.members())
      add(name, value ? std::optional{text(value, "environment")} : std::nullopt);
    for (const auto& item : environment.items()) {
      auto whole = text(item, "environment");
      auto equals = whole.find('=');
      add(
        whole.substr(0, equals), equals == std::string::npos ? std::nullopt : std::optional{whole.substr(equals + 1)});
    }
    if (environment.is(kind::scalar))
      problems_.add(environment.line(), "'environment': expected a mapping or a list of NAME=value");
    daemon.env(std::move(variables));
    daemon.set("", "inherit_env", toml(inherited));
    std::vector<std::string> files;
    auto list = service["env_file"];
    auto items = list.is(kind::scalar) ? std::vector{list} : list.items();
    for (const auto& item : items) {
      auto file = absolute_path(folder_, text(item.is(kind::map) ? item["path"] : item, "env_file"));
      bool optional = item.is(kind::map) && text(item["required"], "required") == "false";
      if (optional && !around_.read(file))
        daemon.lost("env_file = " + file, "that file is not there now, and duende has no optional ones");
      else
        files.push_back(std::move(file));
    }
    if (!files.empty())
      daemon.set("", "env_file", toml(files));
  }

  void read_needs(daemon_draft& daemon, const yaml_node& list) {
    if (list.is(kind::scalar))
      problems_.add(list.line(), "'depends_on': expected a list or a mapping of services");
    for (const auto& item : list.items())
      daemon.needs.push_back({text(item, "depends_on"), milestone::started});
    for (auto& [name, value] : list.members()) {
      auto condition = text(value["condition"], "condition");
      auto until = milestone::started;
      if (condition == "service_healthy")
        until = milestone::ready;
      else if (condition == "service_completed_successfully")
        until = milestone::completed;
      else if (!condition.empty() && condition != "service_started")
        problems_.add(value.line(), "'depends_on': unknown condition '{}' of '{}'", condition, name);
      daemon.needs.push_back({name, until});
    }
  }

  std::optional<duration> span(const yaml_node& node, std::string_view what) {
    if (!node)
      return std::nullopt;
    auto words = text(node, what);
    bool infinite = false;
    auto result = parse_span(words, infinite);
    if (!result)
      problems_.add(node.line(), "'{}': '{}' is no duration such as '10s'", what, words.substr(0, 30));
    return result;
  }

  void read_stop(daemon_draft& daemon, const yaml_node& service) {
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

  void read_restart(daemon_draft& daemon, const yaml_node& service) {
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

  void read_health(daemon_draft& daemon, const yaml_node& check) {
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

  void read_resources(daemon_draft& daemon, const yaml_node& service) {
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

  void read_logging(daemon_draft& daemon, const yaml_node& logging) {
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

  void read_rest(daemon_draft& daemon, const yaml_node& service) {
    for (auto& [key, value] : service.members()) {
      if (key.starts_with("x-") || std::find(handled.begin(), handled.end(), key) != handled.end())
        continue;
      std::string content;
      if (value.is(kind::scalar))
        content = " = " + text(value, key);
      for (const auto& item : value.items())
        content += fmt::format("{}{}", content.empty() ? " = " : ", ", item.is(kind::scalar) ? text(item, key) : "...");
      daemon.lost(key + content, reason(key));
    }
  }

  static std::string_view reason(std::string_view key) {
    if (key == "ports" || key == "expose")
      return "without a container the program listens on the machine itself";
    if (key == "volumes" || key == "tmpfs" || key == "configs" || key == "secrets" || key == "read_only")
      return "without a container the program sees the machine's own files";
    if (
      key.starts_with("network") || key == "hostname" || key == "links" || key.starts_with("dns")
      || key == "extra_hosts" || key == "domainname")
      return "without a container the program has the machine's own network: other services are at 127.0.0.1";
    if (key == "labels")
      return "a daemon has no labels";
    if (key == "cap_add" || key == "cap_drop" || key == "privileged" || key == "security_opt")
      return "see [daemon.security] for what there is";
    if (key == "extends")
      return "write here what it extends";
    return "duende has nothing like it";
  }

  std::string path_, folder_;
  const surroundings& around_;
  faults problems_;
  draft what_;
  std::map<std::string, std::string> dot_env_;
  std::vector<std::pair<std::string, std::string>> mounts_; ///< folder of this machine, folder in the container
  std::set<std::string> missing_;
};

} // namespace

result import_compose(const std::vector<source_file>& files, const surroundings& around) {
  return reader{files.front(), around}.run(files.front().text);
}

} // namespace duende::porting
