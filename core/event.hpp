// What happened, as history stores it and followers read it.
#pragma once

#include "core/exit_reason.hpp"
#include "core/time.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace duende {

struct event {
  std::int64_t id = 0; ///< given by the history; grows, survives restarts of the node, has no silent gaps
  wall_time at{};
  event_kind kind = event_kind::node;
  std::string daemon; ///< empty for events of a supervisor or the node
  std::string supervisor;
  std::string node;
  std::uint32_t incarnation = 0;
  std::optional<exit_cause> cause;
  std::string text; ///< a sentence: "db: killed by SIGSEGV (core dumped) after 12.5s"
};

/// Which events to read.
struct event_query {
  std::int64_t after_id = 0; ///< only events with a larger id
  std::optional<wall_time> since;
  std::vector<std::string> daemons; ///< empty: all; at most max_event_filters
  std::uint32_t kinds = 0;          ///< a bit for each event_kind; 0: all
  std::size_t limit = 1000;         ///< the newest so many, in ascending order
};
inline constexpr std::size_t max_event_filters = 256;

constexpr std::uint32_t bit_of(event_kind kind) { return 1u << static_cast<unsigned>(kind); }

/// Whether the query asks for such an event, wherever it stands in the order.
inline bool selects(const event_query& query, const event& e) {
  return (query.daemons.empty()
          || std::find(query.daemons.begin(), query.daemons.end(), e.daemon) != query.daemons.end())
         && (query.kinds == 0 || (query.kinds & bit_of(e.kind)) != 0);
}

} // namespace duende
