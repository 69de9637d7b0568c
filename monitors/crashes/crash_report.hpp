// What is known of a daemon's abnormal end, kept as a file for whoever comes to look.
#pragma once

#include "core/exit_reason.hpp"
#include "core/time.hpp"
#include "core/uuid.hpp"
#include "monitors/crashes/log_ends.hpp"
#include "monitors/observer/sample.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace duende {

struct crash_report {
  uuid id;
  std::string daemon, supervisor, node, backend;
  std::string version; ///< of the daemon, as configured
  std::uint32_t incarnation = 0;
  pid_t pid = 0; ///< 0: no process of its own
  exit_reason reason;
  std::string gave_up; ///< why there is no restart; empty: not given up
  bool was_ready = false;
  std::optional<wall_time> started_at;
  wall_time ended_at{};
  duration uptime{};
  struct usage {
    duration user{}, system{};
    std::uint64_t max_rss_bytes = 0;
  };
  std::optional<usage> used;
  std::uint64_t restarts = 0; ///< before this end
  std::uint32_t streak = 0;   ///< failed runs in a row, this one included
  std::uint64_t left_out = 0; ///< ends since the last report that got none
  std::string working_dir;
  std::uint32_t keep = 5;              ///< so many reports of this daemon stay
  std::vector<process_sample> samples; ///< the last ones of that process, oldest first; none where nothing was sampled
  log_ends logs;
  bool log_timestamps = true;
};

/// The newest so many lines, and so many bytes of text, are in a report.
inline constexpr std::size_t crash_log_lines = 100;
inline constexpr std::size_t crash_log_bytes = 64 * 1024;

/// "20260131T120000.123Z-3": sorts by time.
std::string crash_id(const crash_report& report);
/// The file's text. Reads the logs and looks for a core.
std::string to_json(const crash_report& report);

} // namespace duende
