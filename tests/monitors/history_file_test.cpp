// The file itself: private, foreign, newer, damaged, out of reach.
#include "tests/monitors/history_support.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>

using namespace duende;
using namespace duende::test;
using namespace std::chrono_literals;

namespace {

void exec(const std::string& path, const char* sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

std::string bytes_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

} // namespace

TEST_CASE("the file is private, and an open one is made so") {
  temp_dir dir;
  must_open(dir / "duende.db");
  struct stat info {};
  REQUIRE(stat((dir / "duende.db").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  chmod((dir / "duende.db").c_str(), 0644);
  auto h = must_open(dir / "duende.db");
  h->record(exit_of("db"));
  REQUIRE(h->flush(10s));
  for (auto suffix : {"", "-wal", "-shm"}) {
    REQUIRE(stat(((dir / "duende.db") + suffix).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
  }
}

TEST_CASE("a newer database is refused and not touched") {
  temp_dir dir;
  must_open(dir / "duende.db")->record(exit_of("db"));
  exec(dir / "duende.db", "PRAGMA user_version = 7");
  const auto before = bytes_of(dir / "duende.db");
  const auto opened = history::open(dir / "duende.db");
  REQUIRE_FALSE(opened);
  CHECK(code_of(opened.error()) == errc::unsupported);
  CHECK_THAT(sentence(opened.error()), Contains("version 7") && Contains("up to 2") && Contains(dir / "duende.db"));
  CHECK(bytes_of(dir / "duende.db") == before);
  CHECK(std::distance(std::filesystem::directory_iterator{dir.path()}, {}) == 1);
}

TEST_CASE("another program's database is refused") {
  temp_dir dir;
  exec(dir / "duende.db", "CREATE TABLE theirs(x)");
  const auto before = bytes_of(dir / "duende.db");
  const auto opened = history::open(dir / "duende.db");
  REQUIRE_FALSE(opened);
  CHECK(code_of(opened.error()) == errc::unsupported);
  CHECK(bytes_of(dir / "duende.db") == before);
}

TEST_CASE("a damaged database is set aside with its name told, and a fresh one begun") {
  const std::vector<std::pair<std::string, std::function<void(const std::string&)>>> damages = {
    {"garbage", [](const std::string& path) { std::ofstream{path} << std::string(100000, 'x'); }},
    {"cut short",
     [](const std::string& path) { std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2); }},
    {"overwritten in the middle",
     [](const std::string& path) {
       std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
       file.seekp(4096);
       file << std::string(3 * 4096, '\x5a');
     }},
    {"a missing table", [](const std::string& path) { exec(path, "DROP TABLE children"); }},
  };
  for (const auto& [name, damage] : damages) {
    INFO(name);
    temp_dir dir;
    {
      auto h = must_open(dir / "duende.db");
      for (int i = 0; i < 500; ++i)
        h->record(exit_of("db"));
      h->put_child({uuid::random(), "db", "root", {}, {}, {}, {}, {}, {}, {}});
    }
    damage(dir / "duende.db");
    const auto damaged = bytes_of(dir / "duende.db");
    std::string told;
    history_options options;
    options.on_trouble = [&](std::string text) { told = text; };
    auto h = must_open(dir / "duende.db", options);
    std::string kept;
    for (const auto& entry : std::filesystem::directory_iterator{dir.path()})
      if (entry.path().string().find(".corrupt-") != std::string::npos && entry.path().extension() != ".db")
        if (kept.empty() || entry.path().string().size() < kept.size())
          kept = entry.path();
    REQUIRE(!kept.empty());
    CHECK_THAT(told, Contains(kept) && Contains(dir / "duende.db"));
    CHECK(bytes_of(kept) == damaged);
    CHECK(h->load().children.empty());
    h->record(exit_of("web"));
    REQUIRE(h->flush(10s));
    CHECK(events_of(*h).back().daemon == "web");
  }
}

TEST_CASE("a place that can't be written is an error with its name") {
  temp_dir dir;
  const auto opened = history::open(dir / "missing/duende.db");
  REQUIRE_FALSE(opened);
  CHECK(code_of(opened.error()) == errc::io_failure);
  CHECK_THAT(sentence(opened.error()), Contains("missing/duende.db") && Contains("No such file"));
  std::filesystem::create_symlink(dir / "b", dir / "a");
  std::filesystem::create_symlink(dir / "a", dir / "b");
  CHECK_THAT(sentence(history::open(dir / "a").error()), Contains("symbolic links"));
  CHECK_FALSE(history::open(dir.path()));
}
