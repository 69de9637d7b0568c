// What a daemon's status says of its crash reports.
#pragma once

#include "actors/api/json.hpp"

namespace duende::api {

/// The member "last_crash": the newest report in short, or null.
void write_last_crash(json_writer& out, control& node, const std::string& daemon);

} // namespace duende::api
