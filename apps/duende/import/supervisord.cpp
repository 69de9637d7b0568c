// supervisord.conf. Source: supervisor's documentation, "Configuration File".
#include "apps/duende/import/supervisord.hpp"
#include "apps/duende/import/shell.hpp"

#include "core/config/file.hpp"
#include "core/errc.hpp"
#include "core/paths.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>

namespace duende::porting {
namespace {

constexpr long long max_copies = 1000;
constexpr long long default_priority = 999;
constexpr std::size_t max_order_needs = 10'000;

class reader : supervisord_values {
public:
  reader(const std::string& path, const surroundings& around) : supervisord_values(path, around), path_(path) {
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
    if (!porting::read_command(*this, daemon, section, names))
      return;
    if (auto directory = expanded("directory"))
      daemon.text("", "working_dir", absolute_path(here_, *directory));
    else if (!directory_.empty())
      daemon.text("", "working_dir", directory_);
    porting::read_user(daemon, expanded("user"));
    daemon.set("", "inherit_env", "true");
    auto environment = environment_;
    if (auto* own = section.find("environment"))
      for (auto& [name, value] : read_environment(*own, names))
        environment[name] = value;
    daemon.env(std::move(environment));
    bool autostart = porting::read_autostart(*this, daemon, section);
    porting::read_stop(*this, daemon, section);
    porting::read_restart(*this, daemon, section);
    porting::read_logs(*this, daemon, section);
    porting::read_rest(daemon, section, n == number(section, "numprocs_start", 0, 0, 1'000'000));
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
