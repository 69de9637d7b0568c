#include "core/config/loader.hpp"

#include "core/config/env_file.hpp"
#include "core/config/file.hpp"
#include "core/config/rules.hpp"
#include "core/config/special.hpp"
#include "core/errc.hpp"
#include "core/suggest.hpp"

#include <algorithm>
#include <array>

namespace duende::config {
namespace {

config_format format_of(std::string_view path) {
  return path.ends_with(".json") ? config_format::json : config_format::toml;
}

/// `FILE: message` for a file as a whole.
constexpr place nowhere{};

/// "cannot read 'x': why" without the name, which the error shows already.
std::string without_name(const std::string& text, const std::string& path) {
  auto prefix = fmt::format("cannot read '{}': ", path);
  return text.starts_with(prefix) ? "cannot read: " + text.substr(prefix.size()) : text;
}

} // namespace

loader::loader() { result_.value.node.metrics = "127.0.0.1:9464"; }

std::size_t loader::remember_file(const std::string& name) {
  result_.files.push_back(name);
  return result_.files.size() - 1;
}

void loader::read_main_file(const std::string& path) {
  auto file = remember_file(path);
  auto text = read_file(path);
  if (!text)
    return errors_.add(path, nowhere, without_name(sentence(text.error()), path));
  identities_.insert(identity_of(path));
  auto dir = folder_of(path);
  read_text(*text, format_of(path), {file, path, dir, false});
}

void loader::read_main_text(
  std::string_view text, config_format format, std::string_view name, const std::string& dir) {
  std::string shown{name};
  read_text(text, format, {remember_file(shown), shown, dir, false});
}

void loader::read_daemon_text(std::string_view json, const std::string& dir) {
  std::string shown = "daemon";
  document doc{remember_file(shown), shown, dir, false};
  if (json.size() > max_config_bytes)
    return errors_.add(shown, nowhere, fmt::format("more than {} bytes", max_config_bytes));
  auto tree = parse_json(json);
  for (auto& [at, message] : tree.errors)
    errors_.add(shown, at, std::move(message));
  if (tree.errors.empty())
    read_daemon(tree.root, doc);
}

void loader::read_text(std::string_view text, config_format format, const document& doc) {
  if (text.size() > max_config_bytes)
    return errors_.add(doc.name, nowhere, fmt::format("more than {} bytes", max_config_bytes));
  if (text.starts_with("\xEF\xBB\xBF"))
    text.remove_prefix(3);
  auto tree = format == config_format::json ? parse_json(text) : parse_toml(text);
  for (auto& [at, message] : tree.errors)
    errors_.add(doc.name, at, std::move(message));
  if (tree.errors.empty())
    read_root(tree.root, doc);
  else
    names_missing_ = true;
}

void loader::read_root(const value& root, const document& doc) {
  bool program = root.find("binary_path") != nullptr || root.find("command") != nullptr || root.find("name") != nullptr;
  const auto* supervisor = root.find("supervisor"); // a name in a daemon, tables in a stack
  bool stack = root.find("node") != nullptr || root.find("daemon") != nullptr
               || (supervisor != nullptr && supervisor->type != kind::string);
  if (program && !stack)
    return read_daemon(root, doc);
  table_notes notes;
  context c{errors_, doc.name, doc.dir, nullptr, notes, {}};
  const value* node = nullptr;
  value others; // what is no known array of tables, left to the common reader
  for (const auto& entry : root.members) {
    const auto& v = entry.content;
    bool is_daemon = entry.key == "daemon";
    if (entry.key == "node" && v.type == kind::table) {
      if (doc.included)
        c.error(entry.at, "'node' is only for the file that is loaded, not for an included one");
      else
        node = &v;
    } else if ((is_daemon || entry.key == "supervisor") && v.type == kind::array) {
      for (const auto& table : v.items) {
        if (table.type != kind::table)
          c.error(table.at, "'{}': expected a table, found {}", entry.key, name_of(table.type));
        else if (is_daemon)
          read_daemon(table, doc);
        else
          read_supervisor(table, doc);
      }
    } else if ((is_daemon || entry.key == "supervisor") && v.type == kind::table) {
      c.error(entry.at, "'{}': expected an array of tables, found a table; write [[{}]]", entry.key, entry.key);
    } else {
      others.members.push_back(entry);
    }
  }
  read_section(c, "", others);
  if (node != nullptr)
    read_node(*node, doc);
}

void loader::read_node(const value& table, const document& doc) {
  table_notes notes;
  context c{errors_, doc.name, doc.dir, &result_.value.node, notes, "node.", &result_.otlp};
  read_section(c, "node", table);
  check_listener_safety(c, table);
  read_includes(notes, doc);
}

void loader::read_supervisor(const value& table, const document& doc) {
  if (supervisors_.size() == max_config_supervisors)
    return errors_.add(doc.name, table.at, fmt::format("more than {} supervisors", max_config_supervisors));
  auto& notes = supervisors_.emplace_back();
  notes.file = doc.file;
  notes.table = notes.name = notes.supervisor = table.at;
  auto& spec = result_.value.supervisors.emplace_back();
  context c{errors_, doc.name, doc.dir, &spec, notes, {}};
  read_section(c, "supervisor", table);
  if (table.find("name") == nullptr)
    c.error(table.at, "a supervisor without 'name'");
  names_missing_ = names_missing_ || spec.name.empty();
}

void loader::read_daemon(const value& table, const document& doc) {
  if (daemons_.size() == max_config_daemons)
    return errors_.add(doc.name, table.at, fmt::format("more than {} daemons", max_config_daemons));
  auto& notes = daemons_.emplace_back();
  notes.file = doc.file;
  notes.table = notes.name = notes.supervisor = table.at;
  daemon_spec spec;
  context c{errors_, doc.name, doc.dir, &spec, notes, {}};
  read_section(c, "daemon", table);
  finish_daemon(c, table, spec);
  result_.value.daemons.push_back(std::move(spec));
  if (notes.instances > 1)
    multiply_last();
}

void loader::finish_daemon(context& c, const value& table, daemon_spec& spec) {
  auto& notes = c.notes;
  auto has = [&](std::string_view key) { return table.find(key) != nullptr; };
  if (!has("name"))
    c.error(table.at, "a daemon without 'name'");
  names_missing_ = names_missing_ || spec.name.empty();
  if (notes.has_command && notes.has_program)
    c.error(notes.command, "'command' and 'binary_path' exclude each other");
  else if (notes.has_command && notes.has_args)
    c.error(notes.command, "'command' and 'args' exclude each other");
  else if (!has("command") && !has("binary_path"))
    c.error(notes.name, "a daemon needs 'binary_path' or 'command'");
  merge_env_files(c, spec);
  finish_life(c, table, spec);
  finish_security(c, table, spec);
  if (spec.working_dir.empty())
    spec.working_dir = c.dir;

  if (const auto* ready = table.find("ready"); ready != nullptr && ready->type == kind::table) {
    struct needed {
      readiness_type type;
      std::string_view key;
    };
    constexpr auto table_of_needs = std::to_array<needed>(
      {{readiness_type::tcp, "address"},
       {readiness_type::http, "url"},
       {readiness_type::exec, "command"},
       {readiness_type::log, "pattern"}});
    for (const auto& [type, key] : table_of_needs) {
      if (spec.ready.type == type && ready->find(key) == nullptr)
        c.error(ready->at, "'ready.type' = \"{}\" needs 'ready.{}'", to_string(type), key);
      if (ready->find("type") == nullptr && ready->find(key) != nullptr)
        c.error(ready->at, "'ready.{}' needs 'ready.type' = \"{}\"", key, to_string(type));
    }
  }
  finish_health(c, table, spec);
  finish_policies(table, spec);
}

void loader::merge_env_files(context& c, daemon_spec& spec) {
  std::map<std::string, std::string> merged;
  for (const auto& [path, at] : c.notes.env_files) {
    auto& known = env_files_[path];
    if (known == nullptr) {
      auto text = read_file(path);
      if (!text) {
        c.error(at, "'env_file': {}", sentence(text.error()));
        known = std::make_shared<const std::map<std::string, std::string>>();
        continue;
      }
      result_.files.push_back(path);
      known = std::make_shared<const std::map<std::string, std::string>>(parse_env(*text, path, errors_));
    }
    for (const auto& [key, content] : *known)
      merged.insert_or_assign(key, content);
  }
  spec.env.merge(merged);
}

void loader::read_includes(const table_notes& notes, const document& doc) {
  for (const auto& pattern : notes.includes)
    for (const auto& path : expand_glob(pattern.text))
      read_included(pattern, path, doc);
}

void loader::read_included(const text_at& pattern, const std::string& path, const document& doc) {
  auto refuse = [&](std::string message) {
    errors_.add(doc.name, pattern.at, std::move(message));
    names_missing_ = true;
  };
  if (result_.files.size() >= max_config_files)
    return refuse(fmt::format("'node.include': more than {} files", max_config_files));
  auto identity = identity_of(path);
  if (!identity.empty() && !identities_.insert(identity).second) {
    // A pattern may well match a file twice, or the file it stands in; naming it is a mistake.
    if (!has_glob(pattern.text) && identity == identity_of(doc.name))
      refuse(fmt::format("'node.include': '{}' includes itself", path));
    return;
  }
  auto text = read_file(path);
  if (!text)
    return refuse(fmt::format("'node.include': {}", sentence(text.error())));
  auto file = remember_file(path);
  auto dir = folder_of(path);
  read_text(*text, format_of(path), {file, path, dir, true});
}

load_result loader::finish(bool check_names) {
  if (check_names) {
    expand_dependencies();
    check_duplicates();
    check_sockets();
    check_references();
    order_supervisors(result_.value.supervisors);
  }
  sort_errors();
  result_.errors = std::move(errors_.kept);
  if (errors_.dropped > 0)
    result_.errors.push_back({result_.files.front(), 0, 0, fmt::format("{} more errors", errors_.dropped)});
  return std::move(result_);
}

} // namespace duende::config
