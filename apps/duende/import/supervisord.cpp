// supervisord.conf. Source: supervisor's documentation, "Configuration File".
#include "apps/duende/import/ini.hpp"
#include "apps/duende/import/shell.hpp"

#include "core/config/file.hpp"
#include "core/config/rules.hpp"
#include "core/errc.hpp"
#include "core/exit_reason.hpp"
#include "core/paths.hpp"
#include "core/suggest.hpp"
#include "core/units.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>

namespace duende::porting {
namespace {

constexpr long long max_copies = 1000;
constexpr long long default_priority = 999;
constexpr std::size_t max_order_needs = 10'000;

constexpr auto known_keys = std::to_array<std::string_view>(
  {"command",
   "process_name",
   "numprocs",
   "numprocs_start",
   "priority",
   "autostart",
   "startsecs",
   "startretries",
   "autorestart",
   "exitcodes",
   "stopsignal",
   "stopwaitsecs",
   "stopasgroup",
   "killasgroup",
   "user",
   "redirect_stderr",
   "stdout_logfile",
   "stdout_logfile_maxbytes",
   "stdout_logfile_backups",
   "stdout_capture_maxbytes",
   "stdout_events_enabled",
   "stdout_syslog",
   "stderr_logfile",
   "stderr_logfile_maxbytes",
   "stderr_logfile_backups",
   "stderr_capture_maxbytes",
   "stderr_events_enabled",
   "stderr_syslog",
   "environment",
   "directory",
   "umask",
   "serverurl",
   "events",
   "buffer_size",
   "result_handler",
   "socket",
   "socket_backlog",
   "socket_owner",
   "socket_mode"});

using variables = std::map<std::string, std::string>;

bool is_true(std::string_view text) {
  auto word = lower(text);
  return word == "true" || word == "yes" || word == "on" || word == "1" || word == "t" || word == "y";
}
bool is_false(std::string_view text) {
  auto word = lower(text);
  return word == "false" || word == "no" || word == "off" || word == "0" || word == "f" || word == "n";
}

class reader {
public:
  reader(const std::string& path, const surroundings& around)
    : path_(path), around_(around), here_(config::folder_of(path)), problems_(path) {
    what_.source = fmt::format("Made by 'duende import supervisord {}'.", path);
  }

  result run(std::string_view text) {
    if (!readable(text, problems_))
      return {{}, problems_.take()};
    parse_python_ini(path_, text, file_, problems_);
    if (file_.empty() && !problems_.any())
      problems_.add(0, "no [section]: is this a supervisord.conf?");
    read_includes();
    read_globals();
    read_groups();
    for (const auto& section : file_)
      read_section(section);
    order_by_priority();
    if (what_.daemons.empty())
      what_.head.push_back("It has no [program:NAME] section, so there is no daemon.");
    return conclude(std::move(what_), problems_, path_);
  }

private:
  struct placed {
    long long priority;
    std::size_t daemon;
    bool autostart;
    std::string id;
  };

  void fault(const ini_key& key, std::string text) {
    problems_.put(key.file, key.line, 0, fmt::format("'{}': {}", key.key, text));
  }

  /// %(name)s and %(name)02d by `names`, %% to %. None after reporting.
  std::optional<std::string> expand(const ini_key& key, const variables& names) {
    std::string result;
    const auto& text = key.value;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        result += text[i];
        continue;
      }
      if (i + 1 < text.size() && text[i + 1] == '%') {
        result += text[++i];
        continue;
      }
      auto close = text.find(')', i);
      auto type = close == std::string::npos ? close : text.find_first_not_of("0123456789", close + 1);
      if (
        i + 1 >= text.size() || text[i + 1] != '(' || type == std::string::npos
        || (text[type] != 's' && text[type] != 'd')) {
        fault(key, fmt::format("'{}' is no '%(name)s'; a percent sign is written '%%'", text.substr(i, 30)));
        return std::nullopt;
      }
      auto name = text.substr(i + 2, close - i - 2);
      auto value = look_up(name, names);
      if (!value) {
        fault(
          key, name.starts_with("ENV_") ? fmt::format(
                 "%({})s: '{}' is not set in this environment: set it and import again", name, name.substr(4))
                                        : fmt::format("there is no '%({})s' here", name));
        return std::nullopt;
      }
      auto format = text.substr(close + 1, type - close - 1);
      auto width = static_cast<std::size_t>(to_number(format.empty() ? "0" : format, 0, 64).value_or(0));
      if (value->size() < width)
        value->insert(0, width - value->size(), format[0] == '0' && text[type] == 'd' ? '0' : ' ');
      result += *value;
      i = type;
    }
    return result;
  }

  std::optional<std::string> look_up(const std::string& name, const variables& names) const {
    if (auto found = names.find(name); found != names.end())
      return found->second;
    if (name == "here")
      return here_;
    if (name == "host_node_name")
      return around_.host_name;
    if (name.starts_with("ENV_"))
      return around_.variable(name.substr(4));
    return std::nullopt;
  }

  void read_includes() {
    auto section = std::find_if(file_.begin(), file_.end(), [](const ini_section& s) { return s.name == "include"; });
    const ini_key* files = section == file_.end() ? nullptr : section->find("files");
    if (files == nullptr)
      return;
    auto patterns = expand(*files, {});
    std::vector<std::string> words;
    if (!patterns || !split_plain(*patterns, words))
      return;
    std::size_t count = 0;
    for (const auto& word : words)
      for (const auto& path : around_.glob(absolute_path(here_, word))) {
        if (++count > max_config_files)
          return problems_.add(files->line, "'files': more than {} files", max_config_files);
        include(path);
      }
  }

  void include(const std::string& path) {
    auto text = around_.read(path);
    if (!text)
      return what_.head.push_back(fmt::format("Not included: {}", sentence(text.error())));
    faults of_file{path};
    if (readable(*text, of_file))
      parse_python_ini(path, *text, file_, problems_);
    else
      for (auto& each : of_file.take())
        problems_.put(each.file, each.line, each.column, each.message);
  }

  void read_globals() {
    std::string without;
    for (const auto& section : file_) {
      if (section.name == "supervisord") {
        if (auto* environment = section.find("environment"))
          environment_ = read_environment(*environment, {});
        if (auto* directory = section.find("directory"))
          directory_ = absolute_path(here_, expand(*directory, {}).value_or("/"));
      } else if (
        section.name == "unix_http_server" || section.name == "inet_http_server" || section.name == "supervisorctl"
        || section.name.starts_with("rpcinterface:") || section.name.starts_with("ctlplugin:")) {
        without += fmt::format("{}[{}]", without.empty() ? "" : ", ", section.name);
      }
    }
    if (!without.empty())
      what_.head.push_back(fmt::format(
        "Not carried over: {}: duende serves its commands on a socket of its own, see 'duende help'.", without));
  }

  void read_groups() {
    for (const auto& section : file_) {
      if (!section.name.starts_with("group:"))
        continue;
      auto* programs = section.find("programs");
      if (programs == nullptr) {
        problems_.put(section.file, section.line, 0, fmt::format("[{}] has no 'programs'", section.name));
        continue;
      }
      auto name = valid_name_of(section.name.substr(6));
      if (name == "root")
        name = "root-group";
      if (std::find(what_.supervisors.begin(), what_.supervisors.end(), name) == what_.supervisors.end())
        what_.supervisors.push_back(name);
      std::string_view rest = programs->value;
      while (!rest.empty()) {
        auto end = std::min(rest.find(','), rest.size());
        auto program = std::string{trim(rest.substr(0, end))};
        rest.remove_prefix(std::min(end + 1, rest.size()));
        bool known = std::any_of(file_.begin(), file_.end(), [&](const ini_section& each) {
          return each.name == "program:" + program || each.name == "fcgi-program:" + program;
        });
        if (!known)
          fault(*programs, fmt::format("there is no [program:{}]", program));
        group_of_[program] = name;
      }
    }
  }

  void read_section(const ini_section& section) {
    auto colon = section.name.find(':');
    auto kind = section.name.substr(0, colon);
    if (colon == std::string::npos || (kind != "program" && kind != "eventlistener" && kind != "fcgi-program")) {
      static constexpr auto others = std::to_array<std::string_view>(
        {"supervisord", "supervisorctl", "unix_http_server", "inet_http_server", "include", "rpcinterface", "group",
         "ctlplugin"});
      if (std::find(others.begin(), others.end(), kind) == others.end())
        what_.head.push_back(fmt::format(
          "Not carried over: [{}] ({}:{}): no section that supervisord knows.", section.name, section.file,
          section.line));
      return;
    }
    auto program = std::string{trim(std::string_view{section.name}.substr(colon + 1))};
    auto* command = section.find("command");
    if (program.empty())
      return problems_.put(section.file, section.line, 0, fmt::format("[{}] has no name", section.name));
    if (command == nullptr || command->value.empty())
      return problems_.put(section.file, section.line, 0, fmt::format("[{}] has no 'command'", section.name));
    auto copies = number(section, "numprocs", 1, 1, max_copies);
    auto first = number(section, "numprocs_start", 0, 0, 1'000'000);
    auto* process_name = section.find("process_name");
    if (copies > 1 && (process_name == nullptr || process_name->value.find("%(process_num)") == std::string::npos))
      return problems_.put(
        section.file, section.line, 0,
        fmt::format("[{}]: 'process_name' needs %(process_num) where 'numprocs' is more than 1", section.name));
    for (long long n = first; n < first + copies; ++n) {
      if (problems_.any() || what_.daemons.size() > max_imported_daemons)
        return;
      read_process(section, kind, program, n, copies);
    }
  }

  void read_process(
    const ini_section& section, const std::string& kind, const std::string& program, long long n, long long copies) {
    auto group = group_of_.contains(program) ? group_of_[program] : "";
    variables names{
      {"program_name", program},
      {"process_num", std::to_string(n)},
      {"numprocs", std::to_string(copies)},
      {"group_name", group.empty() ? program : group}};
    auto expanded = [&](const char* key) -> std::optional<std::string> {
      auto* found = section.find(key);
      return found == nullptr ? std::nullopt : expand(*found, names);
    };
    daemon_draft daemon{expanded("process_name").value_or(program)};
    if (!group.empty())
      daemon.text("", "supervisor", group);
    if (!read_command(daemon, section, names))
      return;
    if (auto directory = expanded("directory"))
      daemon.text("", "working_dir", absolute_path(here_, *directory));
    else if (!directory_.empty())
      daemon.text("", "working_dir", directory_);
    read_user(daemon, expanded("user"));
    daemon.set("", "inherit_env", "true");
    auto environment = environment_;
    if (auto* own = section.find("environment"))
      for (auto& [name, value] : read_environment(*own, names))
        environment[name] = value;
    daemon.env(std::move(environment));
    bool autostart = read_autostart(daemon, section);
    read_stop(daemon, section);
    read_restart(daemon, section);
    read_logs(daemon, section);
    read_rest(daemon, section, n == number(section, "numprocs_start", 0, 0, 1'000'000));
    if (kind == "eventlistener")
      daemon.refuse(fmt::format(
        "not carried over: [{}]: an event listener speaks supervisord's protocol; 'duende events -f --json' tells what "
        "happens",
        section.name));
    if (kind == "fcgi-program")
      daemon.lost(
        "its 'socket'", "a FastCGI program gets it as descriptor 0, duende passes sockets from 3 on (LISTEN_FDS): let "
                        "the program open it");
    auto id = expanded("process_name").value_or(program);
    placed_.push_back(
      {number(section, "priority", default_priority, -1'000'000, 1'000'000), what_.daemons.size(),
       autostart && kind != "eventlistener", id});
    what_.daemons.push_back(std::move(daemon));
  }

  bool read_command(daemon_draft& daemon, const ini_section& section, const variables& names) {
    auto* key = section.find("command");
    auto command = expand(*key, names);
    if (!command)
      return false;
    std::vector<std::string> words;
    if (!split_plain(*command, words)) {
      fault(*key, fmt::format("a quote is not closed in '{}'", command->substr(0, 60)));
      return false;
    }
    if (words.empty() || words.front().empty()) {
      fault(*key, "an empty command");
      return false;
    }
    auto& program = words.front();
    if (program.find('/') != std::string::npos)
      program = absolute_path(here_, program);
    daemon.command(words);
    bool wants_shell = std::any_of(words.begin(), words.end(), [](const std::string& word) {
      return word == "|" || word == "&&" || word == "||" || word == ">" || word == ";" || word == "2>&1" || word == "<";
    });
    if (wants_shell)
      daemon.remark("No shell runs this, nor did supervisord run one: |, &&, > and ; are plain arguments.");
    return true;
  }

  static void read_user(daemon_draft& daemon, const std::optional<std::string>& user) {
    if (!user || user->empty())
      return;
    auto colon = user->find(':');
    daemon.text("", "user", user->substr(0, colon));
    if (colon != std::string::npos && colon + 1 < user->size())
      daemon.text("", "group", user->substr(colon + 1));
  }

  bool read_autostart(daemon_draft& daemon, const ini_section& section) {
    auto* key = section.find("autostart");
    if (key == nullptr || is_true(key->value))
      return true;
    if (!is_false(key->value))
      fault(*key, fmt::format("'{}' is neither true nor false", key->value));
    daemon.set("", "autostart", "false");
    return false;
  }

  void read_stop(daemon_draft& daemon, const ini_section& section) {
    if (auto* key = section.find("stopsignal")) {
      auto word = key->value.substr(0, key->value.find_first_of(" ,"));
      if (auto number = signal_number(word); number <= 0)
        fault(*key, fmt::format("'{}' is no signal", word));
      else
        daemon.text("", "stop_signal", std::string_view{signal_name(number)}.substr(3));
      if (word != key->value)
        daemon.lost("the further signals of 'stopsignal'", "duende sends one, then SIGKILL");
    }
    auto seconds = number(section, "stopwaitsecs", 10, 0, 100'000'000);
    daemon.text("", "shutdown_timeout", format_duration(std::chrono::seconds{seconds}));
  }

  void read_restart(daemon_draft& daemon, const ini_section& section) {
    auto* key = section.find("autorestart");
    auto word = key == nullptr ? "unexpected" : lower(key->value);
    auto retries = number(section, "startretries", 3, 0, 1'000'000);
    auto run = number(section, "startsecs", 1, 0, 100'000'000);
    if (word == "unexpected") {
      daemon.text("restart", "policy", retries == 0 ? "never" : "max-retries");
      if (retries > 0)
        daemon.set("restart", "max_retries", std::to_string(retries));
    } else if (is_true(word)) {
      daemon.text("restart", "policy", "always");
      if (section.find("startretries") != nullptr)
        daemon.lost(
          fmt::format("startretries = {}", retries), "with 'always' the limit is the supervisor's intensity",
          "restart");
    } else if (is_false(word)) {
      daemon.text("restart", "policy", "never");
    } else {
      return fault(*key, fmt::format("'{}' is neither true, false nor unexpected", key->value));
    }
    if (auto* codes = section.find("exitcodes"); codes != nullptr) {
      std::vector<int> numbers;
      std::string_view rest = codes->value;
      while (!rest.empty()) {
        auto end = std::min(rest.find(','), rest.size());
        if (auto code = to_number(trim(rest.substr(0, end)), 0, 255))
          numbers.push_back(static_cast<int>(*code));
        else
          fault(*codes, fmt::format("'{}' is no exit code", trim(rest.substr(0, end)).substr(0, 30)));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
      if (!numbers.empty() && numbers != std::vector{0})
        daemon.set("restart", "success_codes", toml(numbers));
    }
    if (!is_false(word) && !(word == "unexpected" && retries == 0)) {
      // supervisord waits one second more after each failed start.
      daemon.text("restart", "next_delay", "1s");
      daemon.text("restart", "reset_after", format_duration(std::chrono::seconds{run}));
    }
  }

  static bool to_terminal(const ini_key* key) {
    return key != nullptr
           && (key->value == "/dev/stdout" || key->value == "/dev/stderr" || key->value.starts_with("/dev/fd/"));
  }

  void read_logs(daemon_draft& daemon, const ini_section& section) {
    if (auto* merge = section.find("redirect_stderr"); merge != nullptr && is_true(merge->value))
      daemon.set("logs", "merge_stderr", "true");
    auto* out = section.find("stdout_logfile");
    std::string places;
    for (const char* name : {"stdout_logfile", "stderr_logfile"})
      if (auto* key = section.find(name); key != nullptr && !to_terminal(key) && lower(key->value) != "auto")
        places += fmt::format("{}{} = {}", places.empty() ? "" : ", ", name, key->value);
    if (!places.empty())
      daemon.lost(places, "logs are kept in <state_dir>/logs/<name>, or below 'dir'; 'duende logs' shows them", "logs");
    if (to_terminal(out))
      return;
    if (auto* key = section.find("stdout_logfile_maxbytes")) {
      auto text = lower(key->value);
      auto unit = text.ends_with("kb") ? 1 << 10 : text.ends_with("mb") ? 1 << 20 : text.ends_with("gb") ? 1 << 30 : 1;
      auto size = to_number(trim(std::string_view{text}.substr(0, text.size() - (unit > 1 ? 2 : 0))), 0, 1 << 30);
      if (!size)
        fault(*key, fmt::format("'{}' is no size", key->value));
      else
        daemon.text(
          "logs", "max_bytes", format_bytes(static_cast<std::uint64_t>(*size) * static_cast<std::uint64_t>(unit)));
    }
    if (section.find("stdout_logfile_backups") != nullptr)
      daemon.set("logs", "max_files", std::to_string(number(section, "stdout_logfile_backups", 10, 0, 9998) + 1));
  }

  void read_rest(daemon_draft& daemon, const ini_section& section, bool first_copy) {
    for (const auto& key : section.keys) {
      auto is = [&](std::string_view name) { return key.key == name; };
      if (is("umask"))
        daemon.lost(
          "umask = " + key.value, "duende leaves the umask as it is; set it in the program or by 'sh -c umask'");
      else if (
        is("stdout_syslog") || is("stderr_syslog") || is("stdout_events_enabled") || is("stderr_events_enabled")) {
        if (is_true(key.value))
          daemon.lost(key.key + " = " + key.value, "output goes to the daemon's log files", "logs");
      } else if (std::find(known_keys.begin(), known_keys.end(), key.key) == known_keys.end() && first_copy) {
        daemon.lost(
          fmt::format("{} = {}", key.key, key.value),
          fmt::format(
            "supervisord knows no such key{}", did_you_mean(key.key, std::span<const std::string_view>{known_keys})));
      }
    }
  }

  /// KEY="value",KEY2=value with the names expanded.
  variables read_environment(const ini_key& key, const variables& names) {
    variables result;
    auto text = expand(key, names).value_or("");
    std::size_t at = 0;
    auto skip = [&](std::string_view set) { at = std::min(text.find_first_not_of(set, at), text.size()); };
    for (skip(" \t\r\n,"); at < text.size(); skip(" \t\r\n,")) {
      auto equals = text.find('=', at);
      auto name =
        equals == std::string::npos ? std::string_view{} : trim(std::string_view{text}.substr(at, equals - at));
      if (name.empty() || name.find_first_of(", \t\n\"'") != std::string_view::npos) {
        fault(key, fmt::format("'{}' is no KEY=\"value\"", std::string_view{text}.substr(at, 40)));
        return {};
      }
      at = equals + 1;
      skip(" \t\r\n");
      std::string value;
      if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
        auto close = text.find(text[at], at + 1);
        if (close == std::string::npos) {
          fault(key, fmt::format("the quote of '{}' is not closed", name));
          return {};
        }
        value = text.substr(at + 1, close - at - 1);
        at = close + 1;
      } else {
        auto end = std::min(text.find(',', at), text.size());
        value = trim(std::string_view{text}.substr(at, end - at));
        at = end;
      }
      result[std::string{name}] = std::move(value);
    }
    return result;
  }

  long long
  number(const ini_section& section, std::string_view name, long long otherwise, long long low, long long high) {
    auto* key = section.find(name);
    if (key == nullptr)
      return otherwise;
    auto value = to_number(key->value, low, high);
    if (!value)
      fault(*key, fmt::format("'{}' is no number from {} to {}", key->value.substr(0, 30), low, high));
    return value.value_or(otherwise);
  }

  /// Lower priorities start first: each waits until those of the priority before are started.
  void order_by_priority() {
    std::map<long long, std::vector<const placed*>> levels;
    for (const auto& each : placed_)
      if (each.autostart)
        levels[each.priority].push_back(&each);
    const std::vector<const placed*>* before = nullptr;
    std::size_t count = 0;
    for (auto& [priority, level] : levels) {
      if (before != nullptr)
        for (auto* each : level)
          for (auto* earlier : *before)
            if (++count <= max_order_needs)
              what_.daemons[each->daemon].needs.push_back({earlier->id, milestone::started});
      before = &level;
    }
    if (count > max_order_needs)
      what_.head.push_back(
        "Not carried over: some of the start order by 'priority': too many programs of one priority.");
  }

  std::string path_;
  const surroundings& around_;
  std::string here_;
  faults problems_;
  draft what_;
  ini file_;
  variables environment_;
  std::string directory_;
  std::unordered_map<std::string, std::string> group_of_;
  std::vector<placed> placed_;
};

} // namespace

result import_supervisord(const std::vector<source_file>& files, const surroundings& around) {
  return reader{files.front().path, around}.run(files.front().text);
}

} // namespace duende::porting
