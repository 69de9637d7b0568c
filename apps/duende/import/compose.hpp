// A compose file on its way to daemons. Source: the Compose Specification.
#pragma once

#include "apps/duende/import/draft.hpp"
#include "apps/duende/import/import.hpp"
#include "apps/duende/import/yaml.hpp"
#include "core/time.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace duende::porting {

class compose_reader {
public:
  compose_reader(const source_file& file, const surroundings& around);

  result run(std::string_view text);

private:
  using kind = yaml_node::kind;

  void read_top(const yaml_node& root);
  std::optional<std::string> variable(const std::string& name) const;
  /// A scalar with its variables put in; empty after reporting where it is none.
  std::string text(const yaml_node& node, std::string_view what);
  std::vector<std::string> texts(const yaml_node& node, std::string_view what);
  /// A command: a list is its words, a text is split at blanks and quotes, without a shell.
  std::vector<std::string> command(const yaml_node& node, std::string_view what);
  std::optional<duration> span(const yaml_node& node, std::string_view what);
  void read_service(const std::string& name, const yaml_node& service);

  // compose_place.cpp: where it runs, with what around it
  /// Folders of the machine that a container sees elsewhere: paths within them can be carried over.
  void read_mounts(const yaml_node& volumes);
  /// A path within the container as one of this machine, where a volume says so.
  std::string on_host(const std::string& inside) const;
  bool mounted(const std::string& inside) const;
  void read_place(daemon_draft& daemon, const yaml_node& service, bool built);
  void read_environment(daemon_draft& daemon, const yaml_node& service);
  void read_needs(daemon_draft& daemon, const yaml_node& list);
  void read_rest(daemon_draft& daemon, const yaml_node& service);

  // compose_care.cpp: how it is kept
  void read_stop(daemon_draft& daemon, const yaml_node& service);
  void read_restart(daemon_draft& daemon, const yaml_node& service);
  void read_health(daemon_draft& daemon, const yaml_node& check);
  void read_resources(daemon_draft& daemon, const yaml_node& service);
  void read_logging(daemon_draft& daemon, const yaml_node& logging);

  std::string path_, folder_;
  const surroundings& around_;
  faults problems_;
  draft what_;
  std::map<std::string, std::string> dot_env_;
  std::vector<std::pair<std::string, std::string>> mounts_; ///< folder of this machine, folder in the container
  std::set<std::string> missing_;
};

} // namespace duende::porting
