// The reports of abnormal ends: one file each, <dir>/<daemon>/<UTC time>-<incarnation>.json, the newest few of each daemon.
#pragma once

#include "core/errc.hpp"
#include "monitors/crashes/crash_report.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace duende {

/// Written by a thread that exists while there is something to write. All members are thread-safe.
class crash_store {
public:
  /// `on_trouble` is called from that thread, once for each time that writing fails after it worked.
  explicit crash_store(std::string dir, std::function<void(std::string)> on_trouble = {});
  /// Writes what waits.
  ~crash_store();
  crash_store(const crash_store&) = delete;
  crash_store& operator=(const crash_store&) = delete;

  /// Whether an end of that daemon at `now` gets a report: one within `pause`, so that a crash loop costs nothing. What comes
  /// back is the number of those since the last report that got none. `regardless`: the last one before a give-up always does.
  std::optional<std::uint64_t> admit(const uuid& id, instant now, bool regardless);
  /// Never blocks. Past 1000 that wait, reports are dropped.
  void submit(crash_report report);
  /// Waits until all that was given is written.
  bool flush(duration timeout);
  void forget(const uuid& id);

  static constexpr duration pause = std::chrono::seconds{10};

private:
  void run();
  std::string write(const crash_report& report);
  void prune(const crash_report& report, const std::string& newest) const;

  struct turn {
    instant last{};
    std::uint64_t left_out = 0;
  };
  const std::string dir_;
  const std::function<void(std::string)> on_trouble_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::unordered_map<uuid, turn> turns_;
  std::deque<crash_report> waiting_;
  bool busy_ = false, failing_ = false;
  std::thread thread_;
};

/// The ids of a daemon's reports, oldest first; none where there is no folder.
std::vector<std::string> list_crashes(const std::string& dir, const std::string& daemon);
/// Errors: not_found where there is none of that id, io_failure.
caf::expected<std::string> read_crash(const std::string& dir, const std::string& daemon, const std::string& id);
/// Where it lies.
std::string crash_path(const std::string& dir, const std::string& daemon, const std::string& id);

} // namespace duende
