#include "apps/duende/import/compose.hpp"

#include "apps/duende/import/interpolate.hpp"
#include "apps/duende/import/shell.hpp"
#include "apps/duende/import/systemd_values.hpp"
#include "core/config/env_file.hpp"
#include "core/config/file.hpp"
#include "core/paths.hpp"

namespace duende::porting {

compose_reader::compose_reader(const source_file& file, const surroundings& around)
  : path_(file.path), folder_(config::folder_of(file.path)), around_(around), problems_(file.path) {
  what_.source = fmt::format("Made by 'duende import compose {}'.", path_);
  if (auto text = around.read(absolute_path(folder_, ".env"))) {
    config::error_list ignored;
    dot_env_ = config::parse_env(*text, ".env", ignored);
  }
}

result compose_reader::run(std::string_view text) {
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

void compose_reader::read_top(const yaml_node& root) {
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

std::optional<std::string> compose_reader::variable(const std::string& name) const {
  if (auto value = around_.variable(name))
    return value;
  auto found = dot_env_.find(name);
  return found == dot_env_.end() ? std::nullopt : std::optional{found->second};
}

std::string compose_reader::text(const yaml_node& node, std::string_view what) {
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

std::vector<std::string> compose_reader::texts(const yaml_node& node, std::string_view what) {
  std::vector<std::string> result;
  if (node.is(kind::scalar))
    result.push_back(text(node, what));
  else if (node.is(kind::map))
    problems_.add(node.line(), "'{}': expected a text or a list of texts", what);
  for (const auto& item : node.items())
    result.push_back(text(item, what));
  return result;
}

std::vector<std::string> compose_reader::command(const yaml_node& node, std::string_view what) {
  if (!node.is(kind::scalar))
    return texts(node, what);
  std::vector<std::string> words;
  if (!split_plain(text(node, what), words))
    problems_.add(node.line(), "'{}': a quote is not closed", what);
  return words;
}

std::optional<duration> compose_reader::span(const yaml_node& node, std::string_view what) {
  if (!node)
    return std::nullopt;
  auto words = text(node, what);
  bool infinite = false;
  auto result = parse_span(words, infinite);
  if (!result)
    problems_.add(node.line(), "'{}': '{}' is no duration such as '10s'", what, words.substr(0, 30));
  return result;
}

void compose_reader::read_service(const std::string& name, const yaml_node& service) {
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

result import_compose(const std::vector<source_file>& files, const surroundings& around) {
  return compose_reader{files.front(), around}.run(files.front().text);
}

} // namespace duende::porting
