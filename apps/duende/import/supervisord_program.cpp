#include "apps/duende/import/shell.hpp"
#include "apps/duende/import/supervisord.hpp"

#include "core/exit_reason.hpp"
#include "core/paths.hpp"
#include "core/suggest.hpp"
#include "core/units.hpp"

#include <algorithm>
#include <array>

namespace duende::porting {
namespace {

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

bool is_true(std::string_view text) {
  auto word = lower(text);
  return word == "true" || word == "yes" || word == "on" || word == "1" || word == "t" || word == "y";
}
bool is_false(std::string_view text) {
  auto word = lower(text);
  return word == "false" || word == "no" || word == "off" || word == "0" || word == "f" || word == "n";
}

bool to_terminal(const ini_key* key) {
  return key != nullptr
         && (key->value == "/dev/stdout" || key->value == "/dev/stderr" || key->value.starts_with("/dev/fd/"));
}

} // namespace

bool read_command(
  supervisord_values& v, daemon_draft& daemon, const ini_section& section, const supervisord_values::variables& names) {
  auto* key = section.find("command");
  auto command = v.expand(*key, names);
  if (!command)
    return false;
  std::vector<std::string> words;
  if (!split_plain(*command, words)) {
    v.fault(*key, fmt::format("a quote is not closed in '{}'", command->substr(0, 60)));
    return false;
  }
  if (words.empty() || words.front().empty()) {
    v.fault(*key, "an empty command");
    return false;
  }
  auto& program = words.front();
  if (program.find('/') != std::string::npos)
    program = absolute_path(v.here_, program);
  daemon.command(words);
  bool wants_shell = std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word == "|" || word == "&&" || word == "||" || word == ">" || word == ";" || word == "2>&1" || word == "<";
  });
  if (wants_shell)
    daemon.remark("No shell runs this, nor did supervisord run one: |, &&, > and ; are plain arguments.");
  return true;
}

void read_user(daemon_draft& daemon, const std::optional<std::string>& user) {
  if (!user || user->empty())
    return;
  auto colon = user->find(':');
  daemon.text("", "user", user->substr(0, colon));
  if (colon != std::string::npos && colon + 1 < user->size())
    daemon.text("", "group", user->substr(colon + 1));
}

bool read_autostart(supervisord_values& v, daemon_draft& daemon, const ini_section& section) {
  auto* key = section.find("autostart");
  if (key == nullptr || is_true(key->value))
    return true;
  if (!is_false(key->value))
    v.fault(*key, fmt::format("'{}' is neither true nor false", key->value));
  daemon.set("", "autostart", "false");
  return false;
}

void read_stop(supervisord_values& v, daemon_draft& daemon, const ini_section& section) {
  if (auto* key = section.find("stopsignal")) {
    auto word = key->value.substr(0, key->value.find_first_of(" ,"));
    if (auto number = signal_number(word); number <= 0)
      v.fault(*key, fmt::format("'{}' is no signal", word));
    else
      daemon.text("", "stop_signal", std::string_view{signal_name(number)}.substr(3));
    if (word != key->value)
      daemon.lost("the further signals of 'stopsignal'", "duende sends one, then SIGKILL");
  }
  auto seconds = v.number(section, "stopwaitsecs", 10, 0, 100'000'000);
  daemon.text("", "shutdown_timeout", format_duration(std::chrono::seconds{seconds}));
}

void read_restart(supervisord_values& v, daemon_draft& daemon, const ini_section& section) {
  auto* key = section.find("autorestart");
  auto word = key == nullptr ? "unexpected" : lower(key->value);
  auto retries = v.number(section, "startretries", 3, 0, 1'000'000);
  auto run = v.number(section, "startsecs", 1, 0, 100'000'000);
  if (word == "unexpected") {
    daemon.text("restart", "policy", retries == 0 ? "never" : "max-retries");
    if (retries > 0)
      daemon.set("restart", "max_retries", std::to_string(retries));
  } else if (is_true(word)) {
    daemon.text("restart", "policy", "always");
    if (section.find("startretries") != nullptr)
      daemon.lost(
        fmt::format("startretries = {}", retries), "with 'always' the limit is the supervisor's intensity", "restart");
  } else if (is_false(word)) {
    daemon.text("restart", "policy", "never");
  } else {
    return v.fault(*key, fmt::format("'{}' is neither true, false nor unexpected", key->value));
  }
  if (auto* codes = section.find("exitcodes"); codes != nullptr) {
    std::vector<int> numbers;
    std::string_view rest = codes->value;
    while (!rest.empty()) {
      auto end = std::min(rest.find(','), rest.size());
      if (auto code = to_number(trim(rest.substr(0, end)), 0, 255))
        numbers.push_back(static_cast<int>(*code));
      else
        v.fault(*codes, fmt::format("'{}' is no exit code", trim(rest.substr(0, end)).substr(0, 30)));
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

void read_logs(supervisord_values& v, daemon_draft& daemon, const ini_section& section) {
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
      v.fault(*key, fmt::format("'{}' is no size", key->value));
    else
      daemon.text(
        "logs", "max_bytes", format_bytes(static_cast<std::uint64_t>(*size) * static_cast<std::uint64_t>(unit)));
  }
  if (section.find("stdout_logfile_backups") != nullptr)
    daemon.set("logs", "max_files", std::to_string(v.number(section, "stdout_logfile_backups", 10, 0, 9998) + 1));
}

void read_rest(daemon_draft& daemon, const ini_section& section, bool first_copy) {
  for (const auto& key : section.keys) {
    auto is = [&](std::string_view name) { return key.key == name; };
    if (is("umask"))
      daemon.lost(
        "umask = " + key.value, "duende leaves the umask as it is; set it in the program or by 'sh -c umask'");
    else if (is("stdout_syslog") || is("stderr_syslog") || is("stdout_events_enabled") || is("stderr_events_enabled")) {
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

} // namespace duende::porting
