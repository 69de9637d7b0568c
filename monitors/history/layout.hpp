// The layout of duende.db: its tables by version, and the way from each version to the next.
//
// Forward only. A program goes on with an older layout as it is until its node serves, and only then climbs (history::migrate):
// so a new program that does not come up has changed nothing, and the one before goes on with its own layout and all events.
// A newer layout is refused and not touched. Each step is one transaction; the file as it was is kept as duende.db.v<version>.
#pragma once

#include "monitors/history/database.hpp"

#include <cstdint>
#include <string>

namespace duende {

inline constexpr std::int64_t application_id = 0x6475656e; ///< "duen", as file(1) can show it
/// Bumped with every step of the ladder.
inline constexpr int schema_version = 2;

/// A row of `marks` says the newest time of all events up to an id, about every so many events. With them a search by time
/// begins near the first event that counts, though clocks may be set back.
inline constexpr std::int64_t mark_distance = 1024;

/// Makes the tables of this program's version in an empty file. SQLite's code.
int create_layout(sqlite::database& db);

/// From the file's version up to this program's. What was done in words, empty where nothing was to do or `failure` says
/// why it could not; then the file is as it was, or at a version between.
std::string climb(sqlite::database& db, const std::string& path, std::string& failure);

/// The newest copy beside `path` whose version this program knows; empty: none.
std::string newest_copy(const std::string& path);

} // namespace duende
