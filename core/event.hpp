// What happened, as history stores it and followers read it.
#pragma once

#include "core/exit_reason.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>

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
  std::string daemon;       ///< empty: all
  std::size_t limit = 1000; ///< the newest so many, in ascending order
};

} // namespace duende
