// SQLite's C interface with owners for its handles and errors of ours. A connection belongs to one thread at a time.
#pragma once

#include "core/errc.hpp"

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace duende::sqlite {

/// A prepared statement. Parameters and columns count from 1 and 0, as SQLite's do.
class statement {
public:
  statement() = default;
  explicit statement(sqlite3_stmt* handle) : handle_(handle) {}

  /// The text must live until the next step is done.
  void bind(int at, std::string_view text) {
    sqlite3_bind_text64(handle_.get(), at, text.data() ? text.data() : "", text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  void bind_blob(int at, std::string_view bytes) {
    sqlite3_bind_blob64(handle_.get(), at, bytes.data() ? bytes.data() : "", bytes.size(), SQLITE_STATIC);
  }
  void bind(int at, std::int64_t value) { sqlite3_bind_int64(handle_.get(), at, value); }
  void bind_null(int at) { sqlite3_bind_null(handle_.get(), at); }

  /// SQLITE_ROW, SQLITE_DONE or an error's code.
  int step() { return sqlite3_step(handle_.get()); }
  /// Steps once, expecting no row, and makes the statement ready for the next use.
  int run() {
    int result = step();
    reset();
    return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
  }
  void reset() { sqlite3_reset(handle_.get()); }

  std::int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  bool null(int column) const { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }
  std::string bytes(int column) const {
    const void* data = sqlite3_column_blob(handle_.get(), column);
    auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
    return data ? std::string{static_cast<const char*>(data), size} : std::string{};
  }
  explicit operator bool() const { return handle_ != nullptr; }

private:
  struct finalize {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
  };
  std::unique_ptr<sqlite3_stmt, finalize> handle_;
};

enum class access : std::uint8_t { read_only, read_write };

/// A connection.
class database {
public:
  database() = default;

  /// Opens an existing file. Where `code` is given it gets SQLite's extended code of a failure.
  static caf::expected<database> open(const std::string& path, access how, int* code = nullptr);

  int exec(const char* sql) { return sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr); }
  /// An empty statement where the text does not compile; see failure().
  statement prepare(std::string_view sql);
  /// The first column of the first row.
  std::optional<std::int64_t> integer(const char* sql, int* code = nullptr);

  /// SQLite's extended code of the last failure.
  int code() const { return sqlite3_extended_errcode(handle_.get()); }
  int rows_changed() const { return sqlite3_changes(handle_.get()); }
  void release_memory() { sqlite3_db_release_memory(handle_.get()); }
  /// "database or disk is full"; with the operating system's words where it was asked.
  std::string failure() const;
  explicit operator bool() const { return handle_ != nullptr; }

private:
  struct close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, close> handle_;
};

/// True for what only a damaged file gives.
inline bool is_damage(int code) { return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB; }

} // namespace duende::sqlite
