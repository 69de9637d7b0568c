// What is asked for beyond a plain life: limits, sandbox, health, breaker, jidoka. Most daemons have none of these, so a
// daemon_spec holds each in a box.
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace duende {

/// `[daemon.resources]`, but open_files_max. 0: not limited.
struct limits_spec {
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_swap_bytes = 0; ///< memory and swap together
  double cpu_quota_percent = 0;        ///< 100 = one core
  std::uint32_t cpu_shares = 0;        ///< weight among neighbours; 1024 is the usual one
  std::uint64_t io_read_bps = 0;       ///< bytes per second
  std::uint64_t io_write_bps = 0;
  std::uint32_t pids_max = 0; ///< processes and threads
  bool lock_memory = false;
  bool lock_memory_required = false;
  bool operator==(const limits_spec&) const = default;
};

enum class seccomp_mode : std::uint8_t { off, standard, allow, deny };
enum class seccomp_action : std::uint8_t { kill, fail };

/// `[daemon.security]`, but no_new_privileges.
struct sandbox_spec {
  std::optional<std::vector<std::string>> capabilities; ///< kept, all others dropped; none: as they are
  seccomp_mode seccomp = seccomp_mode::off;
  seccomp_action action = seccomp_action::kill;                    ///< for calls that are not allowed, or denied
  std::vector<std::string> calls;                                  ///< of allow and deny, by name
  std::optional<std::vector<std::string>> read_paths, write_paths; ///< absolute; none: not restricted
  bool network = true;
  std::vector<std::string>
    optional; ///< features whose lack in the kernel is no error: "landlock", "seccomp", "network"
  bool operator==(const sandbox_spec&) const = default;
};

enum class health_type : std::uint8_t { tcp, http, exec, grpc, notify, custom };
enum class unhealthy_action : std::uint8_t { restart, stop_line, report };

/// `[daemon.health_check]`.
struct health_spec {
  health_type type = health_type::tcp;
  std::string address;              ///< tcp, grpc
  std::string url;                  ///< http
  std::vector<int> expect = {200};  ///< http
  std::vector<std::string> command; ///< exec, split
  std::string service;              ///< grpc; empty: the whole server
  duration interval = std::chrono::seconds{30};
  duration timeout = std::chrono::seconds{10};
  std::uint32_t retries = 3; ///< failures in a row until unhealthy
  duration start_period{};   ///< failures this soon after the start do not count
  unhealthy_action on_unhealthy = unhealthy_action::restart;
  bool operator==(const health_spec&) const = default;
};

/// `[daemon.circuit_breaker]`.
struct breaker_limits {
  std::uint32_t failure_threshold = 5; ///< failures in a row that open it; 0 counts as 1
  duration recovery_timeout = std::chrono::seconds{30};
  std::uint32_t success_threshold = 3; ///< successful trials in a row that close it; 0 counts as 1
  bool operator==(const breaker_limits&) const = default;
};

/// A command that must agree before each start.
struct gate_spec {
  std::string name;
  std::vector<std::string> exec;
  bool quality_json =
    false; ///< its output is an analysis to compare with the thresholds below; else its exit code decides
  std::optional<double> max_complexity, satd_count, dead_code_percent, quality_score; ///< the last one is a minimum
  duration timeout = std::chrono::seconds{30};
  bool operator==(const gate_spec&) const = default;
};

/// What must hold while it runs. One of `above` and `below` is set.
struct invariant_spec {
  std::string name;
  std::string metric; ///< "memory_bytes", "cpu_percent", "open_fds", "threads", "restarts"
  std::optional<double> above, below;
  duration lasting{}; ///< it must have been violated for so long
  bool operator==(const invariant_spec&) const = default;
};

/// `[daemon.jidoka]`.
struct jidoka_spec {
  bool stop_on_first = false; ///< the first abnormal end stops the line
  std::vector<gate_spec> pre_start;
  std::vector<invariant_spec> invariants;
  bool operator==(const jidoka_spec&) const = default;
};

} // namespace duende
