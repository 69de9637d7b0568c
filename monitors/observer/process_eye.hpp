// One process under observation: its files in /proc are opened once and read again for each sample.
#pragma once

#include "monitors/observer/cgroup_eye.hpp"
#include "monitors/observer/sample.hpp"
#include "monitors/usage/open_file.hpp"

#include <array>
#include <memory>
#include <string_view>

namespace duende {

/// A descriptor of a file in /proc/PID belongs to that process: once it has ended, reading fails with ESRCH, whoever has its number
/// then. Not thread-safe.
class process_eye {
public:
  /// How many descriptors one holds at the most where it keeps its files open; else it holds one and opens the others for each look.
  static constexpr std::size_t descriptors = 7;

  process_eye() = default; ///< sees nothing

  /// Of the process with that number. One that began later than `begun_by` (clock ticks since boot, see clock_ticks_now) has got the
  /// number of the one that is meant: then, as where there is none, the result is empty and errno is ESRCH. EMFILE where there is no
  /// descriptor to be had.
  static process_eye open(pid_t pid, std::uint64_t begun_by, bool keep_open);

  explicit operator bool() const { return static_cast<bool>(folder_); }
  pid_t pid() const { return pid_; }
  std::uint64_t start_time() const { return start_time_; }
  bool keeps_open() const { return keep_open_; }

  /// Fills all of `into` but its times. False where the process is gone, or only a zombie is left. Never allocates.
  bool look(process_sample& into);

private:
  enum file : std::uint8_t { stat, statm, io, schedstat, children, fd, file_count };

  std::string_view read(file which, std::array<char, 1024>& buffer) const;
  bool look_at_all(process_sample& into, std::uint64_t used) const;
  bool look_at_idle(process_sample& into) const;
  void count_children(process_sample& into) const;

  open_file folder_;
  std::array<open_file, file_count> files_;
  std::array<char, 32> children_path_{};
  std::unique_ptr<cgroup_eye> cgroup_;
  process_sample last_; ///< pid 0: none yet
  std::uint64_t start_time_ = 0;
  pid_t pid_ = 0;
  bool keep_open_ = false;
};

} // namespace duende
