// Values of supervisord.conf, and the parts of a program that become parts of a daemon.
#pragma once

#include "apps/duende/import/ini.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace duende::porting {

class supervisord_values {
public:
  using variables = std::map<std::string, std::string>;

  supervisord_values(const std::string& path, const surroundings& around);

  /// %(name)s and %(name)02d by `names`, %% to %. None after reporting.
  std::optional<std::string> expand(const ini_key& key, const variables& names);
  /// KEY="value",KEY2=value with the names expanded.
  variables read_environment(const ini_key& key, const variables& names);
  /// Within the bounds; `otherwise` where it is not given or was reported.
  long long
  number(const ini_section& section, std::string_view name, long long otherwise, long long low, long long high);
  void fault(const ini_key& key, std::string text);

  const surroundings& around_;
  std::string here_; ///< the folder of the file
  faults problems_;

private:
  std::optional<std::string> look_up(const std::string& name, const variables& names) const;
};

/// False after reporting.
bool read_command(
  supervisord_values& v, daemon_draft& daemon, const ini_section& section, const supervisord_values::variables& names);
void read_user(daemon_draft& daemon, const std::optional<std::string>& user);
bool read_autostart(supervisord_values& v, daemon_draft& daemon, const ini_section& section);
void read_stop(supervisord_values& v, daemon_draft& daemon, const ini_section& section);
void read_restart(supervisord_values& v, daemon_draft& daemon, const ini_section& section);
void read_logs(supervisord_values& v, daemon_draft& daemon, const ini_section& section);
/// What has no counterpart becomes comments; what no version of supervisord knows only in the first copy.
void read_rest(daemon_draft& daemon, const ini_section& section, bool first_copy);

} // namespace duende::porting
