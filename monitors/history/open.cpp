#include "core/units.hpp"
#include "monitors/history/layout.hpp"
#include "monitors/history/tables.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

namespace duende {
namespace {

// After a power loss SQLite may come back without the commits since its last checkpoint.
constexpr std::int64_t power_loss_margin = 1'000'000;
constexpr off_t always_checked = 4 << 20;
constexpr off_t checked_after_power_loss = 64 << 20;

std::string boot_id() {
  char text[64];
  int fd = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return {};
  auto size = ::read(fd, text, sizeof text);
  ::close(fd);
  return size > 36 ? std::string(text, 36) : std::string{};
}

caf::error make_private_file(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return errno_error(errc::io_failure, errno, fmt::format("cannot open '{}'", path));
  struct stat info {};
  if (fstat(fd, &info) == 0 && (info.st_mode & 077) != 0)
    fchmod(fd, 0600);
  ::close(fd);
  return {};
}

caf::error check_version(const std::string& path, std::int64_t version) {
  if (version <= schema_version)
    return {};
  auto copy = newest_copy(path);
  return fail(
    errc::unsupported,
    "cannot use '{}': it has version {}, written by a newer duende, and this one knows versions up to {}; "
    "use the newer duende or another state_dir{}",
    path, version, schema_version,
    copy.empty() ? copy : fmt::format(", or put the copy from before the change, '{}', in its place", copy));
}

/// The version in the file's own header (https://www.sqlite.org/fileformat2.html, 1.3), read so that not even SQLite's side
/// files come to be. None where there is no header of ours, or the log beside the file may hold a newer one.
std::optional<std::int64_t> version_in_header(const std::string& path) {
  struct stat log {};
  if (stat((path + "-wal").c_str(), &log) == 0 && log.st_size != 0)
    return std::nullopt;
  unsigned char header[100];
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return std::nullopt;
  const auto size = ::read(fd, header, sizeof header);
  ::close(fd);
  auto word = [&](int at) {
    return std::int64_t{header[at]} << 24 | header[at + 1] << 16 | header[at + 2] << 8 | header[at + 3];
  };
  if (size != sizeof header || std::memcmp(header, "SQLite format 3", 16) != 0 || word(68) != application_id)
    return std::nullopt;
  return word(60);
}

/// Refuses what is not ours to write, before a byte of it is written. Damage is told by `code`.
caf::error check_owner(const std::string& path, int& code) {
  if (auto version = version_in_header(path))
    return check_version(path, *version);
  auto db = sqlite::database::open(path, sqlite::access::read_only, &code);
  if (!db)
    return db.error();
  const auto version = db->integer("PRAGMA user_version", &code);
  const auto id = version ? db->integer("PRAGMA application_id", &code) : std::nullopt;
  const auto objects = id ? db->integer("SELECT count(*) FROM sqlite_master", &code) : std::nullopt;
  if (!objects)
    return fail(errc::io_failure, "cannot read '{}': {}", path, db->failure());
  if (*objects != 0 && id != application_id)
    return fail(errc::unsupported, "cannot use '{}': it is a database of another program", path);
  return check_version(path, *version);
}

/// SQLITE_OK, SQLITE_CORRUPT, or the code of what kept it from being told: a disk that fails for a moment has damaged nothing.
int whole(sqlite::database& db, const std::string& path, bool power_loss) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0)
    return SQLITE_OK; // said better by who opens it
  struct stat log {};
  const bool log_empty = stat((path + "-wal").c_str(), &log) != 0 || log.st_size == 0;
  const auto pages = db.integer("PRAGMA page_count").value_or(0);
  const auto page_size = db.integer("PRAGMA page_size").value_or(0);
  if (log_empty && info.st_size < pages * page_size)
    return SQLITE_CORRUPT; // cut short
  if (info.st_size > (power_loss ? checked_after_power_loss : always_checked))
    return SQLITE_OK;
  auto check = db.prepare("PRAGMA quick_check(1)");
  const int code = check ? check.step() : db.code();
  if (code == SQLITE_ROW)
    return check.bytes(0) == "ok" ? SQLITE_OK : SQLITE_CORRUPT;
  return code == SQLITE_DONE ? SQLITE_CORRUPT : code;
}

int read_children(sqlite::database& db, loaded_state& state) {
  auto rows =
    db.prepare("SELECT c.id, c.name, supervisor, c.state, incarnation, restarts, streak, exit_cause, exit_value, "
               "exit_core, exit_detail, "
               "exit_at, record, d.state FROM children c LEFT JOIN desired d ON d.id = c.id "
               "UNION ALL SELECT id, name, '', 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, state FROM desired "
               "WHERE id NOT IN (SELECT id FROM children) ORDER BY 2");
  if (!rows)
    return db.code();
  int code;
  while ((code = rows.step()) == SQLITE_ROW) {
    auto& row = state.children.emplace_back();
    const auto id = rows.bytes(0);
    std::copy_n(id.begin(), std::min(id.size(), row.id.bytes.size()), row.id.bytes.begin());
    row.name = rows.bytes(1);
    row.supervisor = rows.bytes(2);
    row.state = static_cast<daemon_state>(std::clamp<std::int64_t>(rows.integer(3), 0, daemon_state_count - 1));
    row.incarnation = static_cast<std::uint32_t>(rows.integer(4));
    row.restarts = static_cast<std::uint64_t>(rows.integer(5));
    row.streak = static_cast<std::uint32_t>(rows.integer(6));
    if (!rows.null(7)) {
      auto& last = row.last.emplace();
      last.reason.cause = static_cast<exit_cause>(std::clamp<std::int64_t>(rows.integer(7), 0, exit_cause_count - 1));
      last.reason.value = static_cast<std::int32_t>(rows.integer(8));
      last.reason.core_dumped = rows.integer(9) != 0;
      last.reason.detail = rows.bytes(10);
      last.at = wall_time{std::chrono::milliseconds{rows.integer(11)}};
      last.text = to_string(last.reason);
    }
    row.record = rows.bytes(12);
    if (!rows.null(13))
      row.desired = rows.integer(13) != 0 ? desired_state::up : desired_state::down;
  }
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

/// Opens, creates or checks the tables and reads them; `code` tells damage from other failures.
caf::error begin(sqlite::database& db, const std::string& path, found_state& found, int& code) {
  auto opened = sqlite::database::open(path, sqlite::access::read_write, &code);
  if (!opened)
    return opened.error();
  db = std::move(*opened);
  auto failed = [&](const char* what) {
    return fail(errc::io_failure, "cannot {} '{}': {}", what, path, db.failure());
  };
  // A small cache: what is read back is read seldom, and 1,000 idle daemons are to fit into few pages.
  // Nobody waits for the disk here: the file's own thread does, in mark_open, before the first event is shown.
  code = db.exec("PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL; PRAGMA cache_size = -256; "
                 "PRAGMA journal_size_limit = 1048576; PRAGMA wal_autocheckpoint = 500");
  // A full disk may refuse the log file; then it is tried again with the first write.
  if (code != SQLITE_OK && sqlite::is_damage(code))
    return failed("open");
  const auto version = db.integer("PRAGMA user_version", &code);
  if (!version)
    return failed("read");
  if (*version == 0 && (code = create_layout(db)) != SQLITE_OK) {
    auto error = failed("create");
    db.exec("ROLLBACK");
    return error;
  }
  auto boots = db.prepare("SELECT value FROM meta WHERE key = 'boot'");
  const auto last_boot = boots && boots.step() == SQLITE_ROW ? boots.bytes(0) : std::string{};
  boots = {};
  const auto boot = boot_id();
  auto& state = found.state;
  state.clean = db.integer("SELECT value FROM meta WHERE key = 'clean'", &code).value_or(1) != 0;
  const bool power_loss = !state.clean && last_boot != boot;
  if ((code = whole(db, path, power_loss)) != SQLITE_OK)
    return sqlite::is_damage(code) ? fail(errc::io_failure, "cannot read '{}': it is damaged", path) : failed("check");
  const auto newest = db.integer("SELECT max(id) FROM events", &code);
  if (code != SQLITE_ROW)
    return failed("read");
  if ((code = read_children(db, state)) != SQLITE_OK)
    return failed("read");
  auto stack = db.prepare("SELECT body FROM documents WHERE name = 'stack'");
  if (stack && (code = stack.step()) == SQLITE_ROW)
    state.stack = stack.bytes(0);
  if (!stack || sqlite::is_damage(code))
    return failed("read");
  stack = {};
  const auto given =
    std::max(newest.value_or(0), db.integer("SELECT value FROM meta WHERE key = 'base'", &code).value_or(1) - 1);
  state.last_event_id = given;
  found.mark = shown_mark{path + "-shown"};
  const auto last = std::max(given + (power_loss ? power_loss_margin : 0), found.mark.value());
  found.base = last + 1;
  if (last != given)
    found.gap = fmt::format(
      "event ids {} to {} are left out: {}", given + 1, last,
      power_loss ? "the machine has been started anew, and the last events may be lost"
                 : "the disk had not taken the last events when the history ended");
  code = SQLITE_OK;
  return {};
}

std::string compact_time() {
  auto text = to_rfc3339(wall_now());
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

caf::error set_aside(const std::string& path, std::string& told) {
  const auto target = path + ".corrupt-" + compact_time();
  if (std::rename(path.c_str(), target.c_str()) != 0)
    return errno_error(errc::io_failure, errno, fmt::format("cannot move the damaged '{}' to '{}'", path, target));
  for (const char* suffix : {"-wal", "-shm"})
    std::rename((path + suffix).c_str(), (target + suffix).c_str());
  told = fmt::format("'{}' was damaged; it is kept as '{}', and a fresh one begun", path, target);
  return {};
}

} // namespace

bool tables::mark_open(std::int64_t base) {
  auto put = db_.prepare("INSERT OR REPLACE INTO meta VALUES('clean', 0), ('base', ?1), ('boot', ?2)");
  db_.exec("PRAGMA synchronous = FULL");
  bool done = false;
  if (put) {
    const auto boot = boot_id();
    put.bind(1, base);
    put.bind(2, boot);
    done = put.run() == SQLITE_OK;
  }
  db_.exec("PRAGMA synchronous = NORMAL");
  return done;
}

caf::expected<std::unique_ptr<tables>> tables::open(const std::string& path, found_state& found) {
  for (bool second_try : {false, true}) {
    if (auto error = make_private_file(path))
      return error;
    int code = SQLITE_OK;
    auto error = check_owner(path, code);
    std::unique_ptr<tables> result{new tables};
    if (!error) {
      found.state = {};
      error = begin(result->db_, path, found, code);
    }
    if (!error && result->prepare() == SQLITE_OK)
      return result;
    if (!error) {
      error = fail(errc::io_failure, "cannot use '{}': {}", path, result->db_.failure());
      code = result->db_.code();
    }
    // SQLITE_ERROR: a statement does not compile, so a table is missing or not as it should be.
    const bool damaged = sqlite::is_damage(code) || code == SQLITE_ERROR;
    if (second_try || !damaged || code_of(error) == errc::unsupported)
      return error;
    result.reset();
    if (auto stuck = set_aside(path, found.set_aside))
      return stuck;
  }
  return make_error(errc::internal, "unreachable");
}

} // namespace duende
