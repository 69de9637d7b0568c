// What `duende top` knows about a node. Values only: no clock, no terminal, no node.
#pragma once

#include "apps/duende/client.hpp"
#include "core/time.hpp"

#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace duende::cli {

struct top_daemon {
  std::string state, health, note, description;
  std::string group;    ///< the name that its instances share, or its own
  std::int64_t pid = 0; ///< 0: none
  std::uint64_t restarts = 0;
  double uptime = 0;      ///< seconds
  double cpu = NAN;       ///< percent of a core since the look before; over its life at the first look
  double memory = NAN;    ///< bytes
  bool has_clock = false; ///< it runs: `uptime` counts
  std::vector<double> cpu_history, memory_history;

  std::int64_t base_pid = 0; ///< of the look before
  double base_seconds = 0;
  instant base_at{};
};

struct top_supervisor {
  std::string state, about; ///< "one_for_one, 10 in 60s"
  std::uint64_t restarts = 0;
  std::vector<std::pair<bool, std::string>> children; ///< whether a supervisor, and its name
};

struct top_row {
  bool is_supervisor = false;
  std::string name, parent;
  std::size_t depth = 0;
  bool operator==(const top_row&) const = default;
};

struct top_event {
  std::int64_t id = 0;
  std::string at, kind, text;
};

class top_model {
public:
  static constexpr std::size_t kept_samples = 240;
  static constexpr std::size_t kept_events = 200;

  /// Answers of GET /v1/node, /v1/tree and /v1/daemons, asked at `now`.
  void take(const json& node, const json& tree, const json& daemons, instant now);
  /// One of /v1/events; shows in the state at once. False for one that is known.
  bool take_event(const json& event);

  /// In the order of the tree, without what is below `collapsed` supervisors.
  std::vector<top_row> rows(const std::set<std::string>& collapsed) const;
  std::map<std::string, std::size_t> counts() const; ///< daemons by state
  /// Daemons of that group, without the one that helps out during a roll-out.
  std::uint32_t instances_of(const std::string& group) const;

  std::string node_name, version;
  double node_uptime = 0;
  std::uint64_t generation = 1;
  std::map<std::string, top_daemon> daemons;
  std::map<std::string, top_supervisor> supervisors;
  std::vector<top_event> events; ///< oldest first

private:
  void take_daemon(const json& from, instant now);
  void walk(
    const std::string& name, const std::string& parent, std::size_t depth, const std::set<std::string>& collapsed,
    std::vector<top_row>& rows) const;

  std::string root_;
};

} // namespace duende::cli
