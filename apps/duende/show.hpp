// A daemon and an event as people read them.
#pragma once

#include "apps/duende/client.hpp"
#include "apps/duende/terminal.hpp"

#include <string>
#include <vector>

namespace duende::cli {

/// Member access that never throws: the value, or the fallback where it is missing or of another type.
/// Whether it is the daemon of that name, or one of the instances that share it.
bool goes_by(const json& daemon, const std::string& name);
std::string text_of(const json& object, const char* key);
double number_of(const json& object, const char* key);

/// What an apply did, or would do.
void print_plan(const context& c, const json& plan, bool dry_run);
/// NAME STATE PID RESTARTS UPTIME CPU MEMORY NOTE
std::vector<cell> daemon_row(const json& daemon);
/// Why it is as it is: what it waits for, or how it ended.
std::string daemon_note(const json& daemon);
/// "12:00:00.123  exit      db: killed by SIGSEGV"
std::string event_line(const json& event, bool colored);
color color_of_event(const std::string& kind);
/// The time of day here, of a time in RFC 3339.
std::string local_time(const std::string& rfc3339);

} // namespace duende::cli
