#include "monitors/history/database.hpp"

#include <cstring>

namespace duende::sqlite {
namespace {
// A person's sqlite3 shell may hold the file; nobody waits for this thread meanwhile.
constexpr int busy_milliseconds = 5000;
} // namespace

caf::expected<database> database::open(const std::string& path, access how, int* code) {
  const int flags = (how == access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX
                    | SQLITE_OPEN_EXRESCODE;
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  database db;
  db.handle_.reset(handle);
  if (code)
    *code = result;
  if (result != SQLITE_OK)
    return fail(errc::io_failure, "cannot open '{}': {}", path, handle ? db.failure() : sqlite3_errstr(result));
  sqlite3_busy_timeout(handle, busy_milliseconds);
  return db;
}

statement database::prepare(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  sqlite3_prepare_v3(
    handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  return statement{handle};
}

std::optional<std::int64_t> database::integer(const char* sql, int* code) {
  auto query = prepare(sql);
  const int result = query ? query.step() : sqlite3_extended_errcode(handle_.get());
  if (code)
    *code = result;
  if (result != SQLITE_ROW || query.null(0))
    return std::nullopt;
  return query.integer(0);
}

std::string database::failure() const {
  std::string text = sqlite3_errmsg(handle_.get());
  if (int number = sqlite3_system_errno(handle_.get());
      number != 0 && (sqlite3_errcode(handle_.get()) & 0xff) != SQLITE_CORRUPT)
    text += fmt::format(" ({})", std::strerror(number));
  return text;
}

} // namespace duende::sqlite
