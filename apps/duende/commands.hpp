// The commands. Each returns the exit code of the program.
#pragma once

#include "apps/duende/context.hpp"

#include <optional>
#include <string>
#include <vector>

namespace duende::cli {

using names = std::vector<std::string>;

struct up_options {
  std::string file = "duende.toml";
  bool detach = false;
  bool end_orphans = false; ///< what a killed keeper left is ended, not adopted
};
int up(const context& c, const up_options& options);
int down(const context& c, const std::string& timeout);

int check(const context& c, const std::string& file);
int apply(const context& c, const std::string& file, bool dry_run);

int ps(const context& c, const names& which, bool as_json, bool watch);
int status(const context& c, const std::string& name, bool as_json);
int tree(const context& c, bool as_json);
int top(const context& c);

/// `verb`: start, stop, restart, pause, resume or reload.
int act(const context& c, const std::string& verb, const names& which, const std::string& timeout);
/// All instances of each name, one after another.
int restart_rolling(const context& c, const names& which, const std::string& timeout);
int scale(const context& c, const std::string& name, std::uint32_t instances);
int kill(const context& c, const names& which, const std::string& signal);
int remove(const context& c, const names& which);

struct run_options {
  std::string name;
  std::string restart = "on-failure";
  std::vector<std::string> command;
};
int run(const context& c, const run_options& options);

struct logs_options {
  names which;
  bool follow = false;
  bool as_json = false;
  std::optional<std::size_t> lines;
  std::string since;
};
int logs(const context& c, const logs_options& options);
struct events_options {
  names which;       ///< empty: all
  std::string kinds; ///< words between commas; empty: all
  std::string since;
  bool follow = false;
  bool as_json = false;
};
int events(const context& c, const events_options& options);

/// A name that several instances share stands for all of them.
names with_instances(const context& c, const names& which);

/// Replaces the running node by the program on disk.
int upgrade(const context& c);
/// `format`: supervisord, procfile, systemd or compose.
int import_file(const context& c, const std::string& format, const std::vector<std::string>& files);

struct trace_view {
  double seconds = 5, z_score = 4;
  bool exact = false;
  std::string method = "auto";
};
int trace(const context& c, const std::string& name, const trace_view& options, bool as_json);

/// What this machine can and cannot do; exit code 1 where something vital is missing.
int doctor(const context& c, bool as_json);
/// Makes a token for the API off the machine; `access`: read or full.
int token(const context& c, const std::string& name, const std::string& access);
int version(const context& c);
/// `commands`: all there are, so that the scripts know each.
int completion(const context& c, const std::string& shell, const names& commands);
/// The names of all daemons, one a line: for the completion scripts.
int print_names(const context& c);

} // namespace duende::cli
