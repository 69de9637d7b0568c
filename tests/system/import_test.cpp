// Moving in: what `duende import` prints is checked, started and runs; what it can't read leaves nothing behind.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <filesystem>

using namespace duende::test;
namespace fs = std::filesystem;

namespace {

std::string number_in(const std::string& path) {
  auto text = read_file(path);
  return text.substr(0, text.find('\n'));
}

std::string inotify_limits() {
  const std::string folder = "/proc/sys/fs/inotify/";
  return number_in(folder + "max_user_watches") + " watches, " + number_in(folder + "max_user_instances")
         + " instances";
}

outcome imported(const std::string& format, const std::string& file) {
  return run({program("duende"), "import", format, file});
}

} // namespace

TEST_CASE("an imported stack passes check and runs") {
  struct row {
    const char *format, *name, *text;
    std::vector<std::string> running;
  };
  const row rows[] = {
    {"supervisord",
     "supervisord.conf",
     "[program:first]\ncommand=sleep 1000\npriority=1\n[program:w]\nprocess_name=%(program_name)s_%(process_num)02d\n"
     "command=/bin/sh -c \"exec sleep 1%(process_num)03d\"\nnumprocs=2\nenvironment=A=\"1\"\n",
     {"first", "w_00", "w_01"}},
    {"procfile",
     "Procfile",
     "web: exec sleep ${PORT}\nworker: sleep 1000\nclock: true && sleep 1000\n",
     {"web", "worker", "clock"}},
    {"systemd",
     "sleeper.service",
     "[Unit]\nDescription=Sleeps\n[Service]\nEnvironment=\"TIME=10 00\" N=1000\nExecStart=/bin/sleep "
     "${N}\nRestart=always\n",
     {"sleeper"}},
    {"compose",
     "compose.yaml",
     "services:\n  a: { image: x, command: sleep 1000, depends_on: { b: { condition: service_healthy } } }\n"
     "  b: { image: x, command: sleep 1000, healthcheck: { test: [CMD, 'true'] } }\n  c: { image: only }\n",
     {"a", "b"}},
  };
  for (const auto& [format, name, text, running] : rows) {
    INFO(format);
    scratch dir;
    write_file(dir.path(name), text);
    auto made = imported(format, dir.path(name));
    CHECK(made.err == "");
    REQUIRE(made.status == 0);
    write_file(dir.path("duende.toml"), made.out);
    auto checked = run({program("duende"), "check", "-f", dir.path("duende.toml")});
    CHECK(checked.err == "");
    CHECK(checked.status == 0);
    node n{made.out};
    for (const auto& daemon : running)
      n.until_state(daemon, "running");
    CHECK(n.ps().size() == running.size());
  }
}

TEST_CASE("a file full of nonsense is an error with its place and nothing on the output") {
  scratch dir;
  write_file(dir.path("random"), read_file("/proc/self/exe").substr(0, 100'000));
  write_file(dir.path("words"), "this is\nnot what it\nclaims [to be\n");
  fs::create_directory(dir.path("folder"));
  for (const char* format : {"supervisord", "procfile", "systemd", "compose"})
    for (const char* name : {"random", "words", "folder", "missing"}) {
      INFO(format << " " << name);
      auto made = imported(format, dir.path(name));
      CHECK(made.status == 2);
      CHECK(made.out == "");
      CHECK_THAT(made.err, Contains(dir.path(name)));
    }
  CHECK(imported("yaml", dir.path("words")).status == 2);
  auto full =
    run({"/bin/sh", "-c", "exec \"$0\" import procfile \"$1\" > /dev/full", program("duende"), dir.path("p")});
  CHECK(full.status != 0);
}

TEST_CASE("doctor says what is there, and what is not with its cause and fix") {
  scratch dir;
  auto told =
    run({program("duende"), "doctor", "--json"}, {{"XDG_STATE_HOME", dir.path()}, {"XDG_RUNTIME_DIR", dir.path()}});
  auto list = json::parse(told.out, nullptr, false);
  REQUIRE(list.is_array());
  std::map<std::string, json> by_name;
  for (const auto& each : list) {
    CHECK((each["status"] == "ok" || each["status"] == "limited" || each["status"] == "bad"));
    CHECK(each["text"] != "");
    by_name[each["name"]] = each;
  }
  for (const char* name :
       {"pidfd", "close_range", "memfd", "landlock", "seccomp", "duende-keeper", "duended", "open files", "inotify",
        "state_dir", "run_dir", "clock", "delegation", "docker", "systemd", "btf"})
    CHECK(by_name.contains(name));
  CHECK(by_name["pidfd"]["status"] == "ok");
  CHECK(by_name["duended"]["status"] == "ok");
  // Files of /proc/sys give all they have to one read and nothing to the next.
  CHECK(by_name["inotify"]["text"] == inotify_limits());
  auto text = run({program("duende"), "doctor"});
  CHECK(text.status == told.status);
  CHECK_THAT(text.out, Contains("pidfd"));
}
