// A state directory of an older layout: brought up to date once the node serves, never by a program that does not come up.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <csignal>
#include <filesystem>

using namespace duende::test;

namespace {

/// Runs a line of Python with `db` as the connection to the state directory's database, and gives back what it prints.
std::string sql(const std::string& folder, const std::string& code, bool read_only = true) {
  auto done = run(
    {"python3", "-c",
     "import sqlite3, sys\ndb = sqlite3.connect('file:' + sys.argv[1] + '?mode=" + std::string{read_only ? "ro" : "rwc"}
       + "', uri=True)\n" + code + "\ndb.commit()",
     folder});
  INFO(done.err);
  REQUIRE(done.status == 0);
  return done.out;
}

std::string version(const std::string& file) {
  return sql(file, "print(db.execute('PRAGMA user_version').fetchone()[0])");
}

/// A node that begins on a state directory of version 1.
void make_version_1(const std::string& state) {
  std::filesystem::create_directories(state);
  sql(state + "/duende.db", "db.executescript(open('" DUENDE_LAYOUT_1 "').read())", false);
}

const char* stack = "[[daemon]]\nname = \"web\"\ncommand = \"sleep 1000\"\n";

} // namespace

TEST_CASE("a state directory of version 1 is brought up to date and keeps its history") {
  node n{stack};
  n.terminate();
  std::filesystem::remove_all(n.path("state"));
  make_version_1(n.path("state"));
  n.start_again();
  auto db = n.path("state/duende.db");
  n.until("the new version", [&] { return version(db) == "2\n"; });
  CHECK(version(db + ".v1") == "1\n");
  auto events = n.events();
  CHECK(events.front()["text"] == "node 'v1' starts");
  n.until("the event that says so", [&] {
    for (auto& each : n.events())
      if (std::string{each["text"]}.find("has version 2 now") != std::string::npos)
        return true;
    return false;
  });
  auto found = n.cli({"events", "--kind", "andon", "--since", "2026-01-01T00:00:00.000Z"});
  CHECK(found.out.find("once: waits for a person") != std::string::npos);
}

TEST_CASE("a newer state directory is refused with both versions and what to do") {
  node n{stack};
  n.terminate();
  sql(n.path("state/duende.db"), "db.execute('PRAGMA user_version = 9')", false);
  options how;
  how.wait = false;
  n.start_again(how);
  CHECK(n.wait(20) == 1);
  CHECK(
    n.log().find("it has version 9, written by a newer duende, and this one knows versions up to 2; use the newer "
                 "duende or another state_dir")
    != std::string::npos);
}

TEST_CASE("a new program that does not come up leaves the older layout to the one before it") {
  scratch programs;
  for (auto name : {"duende", "duended", "duende-keeper"})
    std::filesystem::copy_file(program(name), programs.path(name));
  options how;
  how.bin = programs.path();
  node n{stack, how};
  n.terminate();
  std::filesystem::remove_all(n.path("state"));
  make_version_1(n.path("state"));
  // This one shall stay with version 1, as an older program would: there is no room for the copy.
  std::filesystem::create_directories(n.path("state/duende.db.v1/in the way"));
  n.start_again(how);
  n.until_state("web", "running");
  auto db = n.path("state/duende.db");
  n.until("it stays", [&] {
    for (auto& each : n.events())
      if (std::string{each["text"]}.find("stays at version 1") != std::string::npos)
        return true;
    return false;
  });
  auto pid = n.pid_of_daemon("web");

  // The new one finds room, opens the state directory, takes all over, and can't serve: its port is taken.
  auto port = n.metrics_address().substr(n.metrics_address().find(':') + 1);
  write_file(
    programs.path("fresh"), R"(#!/usr/bin/python3
import os, socket, sqlite3, subprocess, sys
here = sys.argv[sys.argv.index('--config') + 1].removesuffix('/duende.toml')
taken = socket.socket()
taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
taken.bind(('127.0.0.1', )" + port
                              + R"())
taken.listen()
os.rename(here + '/state/duende.db.v1', here + '/away')
code = subprocess.call([')" + program("duended")
                              + R"('] + sys.argv[1:], close_fds=False)
db = sqlite3.connect(here + '/state/duende.db')
open(here + '/found', 'w').write('%s %s\n' % (db.execute('PRAGMA user_version').fetchone()[0], os.path.exists(here + '/state/duende.db.v1')))
db.close()
os.rename(here + '/away', here + '/state/duende.db.v1')
sys.exit(code)
)");
  std::filesystem::permissions(programs.path("fresh"), std::filesystem::perms::owner_all);
  std::filesystem::rename(programs.path("fresh"), programs.path("duended"));
  auto upgraded = n.cli({"upgrade"}, 60);
  CHECK(upgraded.status == 1);
  CHECK(upgraded.err.find("it exited with code 1") != std::string::npos);
  CHECK(read_file(n.path("found")) == "1 False\n");
  CHECK(version(db) == "1\n");
  n.until_state("web", "running");
  CHECK(n.pid_of_daemon("web") == pid);
}
