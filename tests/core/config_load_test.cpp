// What a good configuration becomes, and how files are found.
#include "tests/core/config_support.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

#include <filesystem>

#include <sys/stat.h>

using namespace duende;
using namespace duende::test;

TEST_CASE("an empty file is an empty stack with defaults") {
  auto result = load_text("", config_format::toml, "f.toml", "/etc");
  REQUIRE(result.ok());
  CHECK(result.value.daemons.empty());
  CHECK(result.value.node == node_spec{.name = "default", .metrics = "127.0.0.1:9464"});
}

TEST_CASE("every supported key arrives in its field") {
  auto result = load_text(
    R"(
[node]
name = "web-1"
state_dir = "state"
metrics = "off"
api = "[::1]:9465"
[[supervisor]]
name = "shop"
strategy = "rest_for_one"
intensity = { restarts = 3, window = "1m" }
[[daemon]]
name = "vault"
binary_path = "vault"
[[daemon]]
name = "db"
supervisor = "shop"
version = "15.2"
description = "orders"
binary_path = "bin/db"
args = ["-D", "/pg"]
env = { PGPORT = "5433" }
inherit_env = ["PATH"]
user = "postgres"
group = "pg"
working_dir = "data"
autostart = false
depends_on = ["vault", { name = "vault", until = "completed" }]
stop_signal = "INT"
shutdown_timeout = "5s"
pid_file = "/run/db.pid"
restart = { policy = "max-retries", max_retries = 2, initial_delay = "1s", next_delay = "2s", multiplier = 3.5, max_delay = "1h", jitter = 0.0, reset_after = "1m", success_codes = [0, 143] }
ready = { type = "http", timeout = "5s", url = "http://localhost:80/x", expect = [200, 204] }
health_check = { type = "notify", interval = "7s" }
resources = { open_files_max = 1024 }
security = { no_new_privileges = true }
logs = { dir = "logs", max_bytes = "1KB", max_files = 2, timestamps = false, merge_stderr = true }
)",
    config_format::toml, "f.toml", "/etc/duende");
  REQUIRE(lines(result) == std::vector<std::string>{});
  CHECK(
    result.value.node
    == node_spec{.name = "web-1", .state_dir = "/etc/duende/state", .metrics = "", .api = "[::1]:9465"});
  CHECK(
    result.value.supervisors
    == std::vector<supervisor_spec>{
      {.name = "shop", .strategy = strategy::rest_for_one, .intensity = {.restarts = 3, .window = 1min}}});
  daemon_spec db{
    .name = "db",
    .supervisor = "shop",
    .version = "15.2",
    .description = "orders",
    .binary_path = "/etc/duende/bin/db",
    .args = {"-D", "/pg"},
    .env = {{"PGPORT", "5433"}},
    .inherit_env = {.names = {"PATH"}},
    .user = "postgres",
    .group = "pg",
    .working_dir = "/etc/duende/data",
    .autostart = false,
    .depends_on = {{"vault", milestone::ready}, {"vault", milestone::completed}},
    .stop_signal = SIGINT,
    .shutdown_timeout = 5s,
    .pid_file = "/run/db.pid",
    .open_files_max = 1024,
    .no_new_privileges = true,
    .logs = {.dir = "/etc/duende/logs", .max_bytes = 1000, .max_files = 2, .timestamps = false, .merge_stderr = true},
  };
  db.restart = {restart_kind::max_retries, 2, 1s, 2s, 3.5, 1h, 0.0, 1min, {0, 143}};
  db.ready.type = readiness_type::http;
  db.ready.timeout = 5s;
  db.ready.url = "http://localhost:80/x";
  db.ready.expect = {200, 204};
  db.watchdog = watchdog_spec{7s};
  REQUIRE(result.value.daemons.size() == 2);
  CHECK(result.value.daemons[0] == daemon_spec{.name = "vault", .binary_path = "vault", .working_dir = "/etc/duende"});
  CHECK(result.value.daemons[1] == db);
}

TEST_CASE("the other forms of a value") {
  auto one = [](std::string_view text) {
    auto result = load_text(text, config_format::toml, "f.toml", "/d");
    INFO((result.ok() ? "" : to_string(result.errors.front())));
    REQUIRE(result.ok());
    return result.value.daemons.front();
  };
  auto lone = one("name = \"a\"\nbinary_path = \"./x\"\n[restart]\npolicy = \"always\"");
  CHECK(lone.binary_path == "/d/x");
  CHECK(lone.restart.kind == restart_kind::always);
  CHECK(
    one("name = \"a\"\ncommand = \"\"\"\nx \\\\\n  -y 'z w'\n\"\"\"").args == std::vector<std::string>{"-y", "z w"});
  CHECK(one("name = \"a\"\ncommand = \"x\"\ninherit_env = true").inherit_env.all);
  CHECK(one("name = \"a\"\ncommand = \"x\"\ninherit_env = false").inherit_env.names.empty());
  CHECK(
    one("name = \"a\"\ncommand = \"x\"\nready = { type = \"exec\", command = [\"./probe\", \"a b\"] }").ready.command
    == std::vector<std::string>{"/d/probe", "a b"});
  CHECK(one("name = \"a\"\ncommand = \"x\"\nlogs = { max_bytes = 0 }").logs.max_bytes == 0);
}

TEST_CASE("includes: globs in sorted order, each file once, relative to their own folder") {
  temp_dir dir;
  auto main = dir.write(
    "duende.toml",
    "[node]\ninclude = [\"conf.d/*.toml\", \"extra/x.json\", \"conf.d/b.toml\", \"none/*.toml\", \"*.toml\"]\n"
    "[[daemon]]\nname = \"m\"\ncommand = \"./m\"\n");
  dir.write("conf.d/b.toml", "[[daemon]]\nname = \"b\"\ncommand = \"./b\"\n[[supervisor]]\nname = \"s\"\n");
  dir.write("conf.d/a.toml", "name = \"a\"\ncommand = \"./a\"\nsupervisor = \"s\"\n");
  dir.write("extra/x.json", R"({"daemon": [{"name": "x", "command": "./x", "depends_on": ["m"]}]})");
  auto result = load_file(main);
  REQUIRE(lines(result) == std::vector<std::string>{});
  std::vector<std::string> programs;
  for (const auto& daemon : result.value.daemons)
    programs.push_back(daemon.binary_path);
  CHECK(programs == std::vector<std::string>{dir / "m", dir / "conf.d/a", dir / "conf.d/b", dir / "extra/x"});
  CHECK(
    result.files == std::vector<std::string>{main, dir / "conf.d/a.toml", dir / "conf.d/b.toml", dir / "extra/x.json"});
  CHECK(result.value.daemons[1].working_dir == dir / "conf.d");
}

TEST_CASE("faults of all files come in one pass") {
  temp_dir dir;
  auto main = dir.write(
    "duende.toml", "[node]\ninclude = [\"a.toml\", \"missing.toml\", \"duende.toml\", \"folder\"]\n"
                   "[[daemon]]\nname = \"a\"\ncommand = \"x\"\ndepends_on = [\"maybe-there\"]\nx = 1\n");
  auto a = dir.write("a.toml", "[node]\n[[daemon]]\nname = \"a\"\ncommand = \"x\"\ny = 1\n");
  std::filesystem::create_directory(dir / "folder");
  CHECK(
    lines(load_file(main))
    == std::vector<std::string>{
      main + ":2:22: 'node.include': cannot read '" + dir / "missing.toml" + "': No such file or directory",
      main + ":2:38: 'node.include': '" + main + "' includes itself",
      main + ":2:53: 'node.include': cannot read '" + dir / "folder" + "': Is a directory",
      main + ":7:1: unknown key 'x'",
      a + ":1:2: 'node' is only for the file that is loaded, not for an included one",
      a + ":3:8: duplicate daemon 'a'; the first is at " + main + ":4:8",
      a + ":5:1: unknown key 'y'",
    });
}

TEST_CASE("a file that is none", "[F109]") {
  temp_dir dir;
  auto only_fault = [](const std::string& path) {
    auto result = load_file(path);
    REQUIRE(result.errors.size() == 1);
    return to_string(result.errors.front());
  };
  CHECK(only_fault(dir / "none.toml") == dir / "none.toml" + ": cannot read: No such file or directory");
  CHECK(only_fault(dir.path()) == dir.path() + ": cannot read: Is a directory");
  std::filesystem::create_symlink("loop.toml", dir / "loop.toml");
  CHECK_THAT(only_fault(dir / "loop.toml"), Contains("Too many levels of symbolic links"));
  REQUIRE(mkfifo((dir / "fifo.toml").c_str(), 0600) == 0);
  CHECK_THAT(only_fault(dir / "fifo.toml"), Contains("not a regular file"));
  CHECK_THAT(only_fault("/" + std::string(5000, 'x')), Contains("File name too long"));
}

TEST_CASE("variables from files: later files win, env wins over all") {
  temp_dir dir;
  dir.write(
    "a.env",
    "# comment\n\nexport A=1\nB = x\n  C=plain value # comment\r\nD='single # $x'\nE=\"a\\nb\\\"c\\$d\"\nF=\nG=1\nG=2\n"
    "H=a#b\nI=from file\n");
  dir.write("b.env", "A=2\n");
  auto main = dir.write(
    "duende.toml", "name = \"a\"\ncommand = \"x\"\nenv_file = [\"a.env\", \"b.env\"]\nenv = { I = \"from env\" }\n");
  auto result = load_file(main);
  CHECK(lines(result) == std::vector<std::string>{dir / "a.env" + ":4:2: expected '=' after the key"});
  CHECK(
    result.value.daemons.front().env
    == std::map<std::string, std::string>{
      {"A", "2"},
      {"C", "plain value"},
      {"D", "single # $x"},
      {"E", "a\nb\"c$d"},
      {"F", ""},
      {"G", "2"},
      {"H", "a#b"},
      {"I", "from env"}});
}

TEST_CASE("faults in a file of variables have their place") {
  temp_dir dir;
  auto env = dir.write("a.env", "1A=x\nA='x\nB=\"x\" y\nC=\xff\nD\n");
  auto main = dir.write("duende.toml", "name = \"a\"\ncommand = \"x\"\nenv_file = [\"a.env\", \"none.env\"]\n");
  CHECK(
    lines(load_file(main))
    == std::vector<std::string>{
      main + ":3:22: 'env_file': cannot read '" + dir / "none.env" + "': No such file or directory",
      env + ":1:1: expected KEY=VALUE",
      env + ":2:3: the quote is not closed on this line",
      env + ":3:7: text after the closing quote",
      env + ":4:1: the value of 'C' is not UTF-8",
      env + ":5:2: expected '=' after the key",
    });
}
