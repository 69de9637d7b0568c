// Bad input: each gives an error that names place and cause, the node stays up, and what runs is not touched.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <filesystem>
#include <limits.h>

using namespace duende::test;
namespace fs = std::filesystem;

namespace {

const std::string bystander = "[[daemon]]\nname = \"bystander\"\ncommand = \"@WORKER@ @DIR@/bystander gentle\"\n";

std::string broken(const std::string& binary, const std::string& more = {}) {
  return "[[daemon]]\nname = \"x\"\nbinary_path = \"" + binary + "\"\n" + more
         + "[daemon.restart]\npolicy = \"never\"\n";
}

/// Everything the node says about the failed start: the daemon's status, its events, and the answer to `start`.
std::string told(const node& n) {
  auto text = n.ps("x").dump() + n.cli({"start", "x"}).err;
  for (auto& event : n.events())
    text += event.dump() + "\n";
  return text;
}

void untouched(const node& n) {
  n.until_state("bystander", "running");
  CHECK(records(n.path("bystander")).size() == 1);
  CHECK(n.get("/healthz").status == 200);
}

} // namespace

TEST_CASE("a start that can't work names the step, the path and the cause") {
  struct row {
    const char* what;
    std::string binary, more, expected, path;
  };
  scratch dir;
  write_file(dir.path("plain"), "data");
  fs::permissions(dir.path("plain"), fs::perms::owner_read);
  write_file(dir.path("script"), "#!/nonexistent/interpreter\n");
  fs::permissions(dir.path("script"), fs::perms::owner_all);
  fs::create_directory(dir.path("folder"));
  fs::create_symlink(dir.path("loop"), dir.path("loop"));
  row rows[] = {
    {"missing binary", "/nonexistent/program", "", "No such file", "/nonexistent/program"},
    {"not executable", dir.path("plain"), "", "not executable", dir.path("plain")},
    {"a directory", dir.path("folder"), "", "irectory", dir.path("folder")},
    {"script without interpreter", dir.path("script"), "", "nterpreter", dir.path("script")},
    {"unknown user", "/bin/true", "user = \"nobody-of-that-name\"\n", "nobody-of-that-name", "user"},
    {"missing working_dir", "/bin/true", "working_dir = \"/nope\"\n", "No such file", "/nope"},
  };
  for (auto& [what, binary, more, expected, path] : rows) {
    INFO(what);
    node n{bystander + broken(binary, more), {.wait = false}};
    // Some of these are seen when the file is checked, before anything starts.
    if (auto ended = n.wait(0.5)) {
      CHECK(*ended == 2);
      CHECK_THAT(n.log(), Contains(expected));
      continue;
    }
    n.until_state("x", "failed");
    auto text = told(n);
    CHECK_THAT(text, Contains(expected));
    CHECK_THAT(text, Contains(path));
    auto last = n.ps("x")["last_exit"];
    CHECK(last["cause"] == "spawn");
    untouched(n);
  }
}

TEST_CASE("a symlink loop is refused by its name", "[F110]") {
  scratch dir;
  fs::create_symlink(dir.path("loop"), dir.path("loop"));
  auto as_binary = GENERATE(true, false);
  node n{
    bystander
      + (as_binary ? broken(dir.path("loop")) : broken("/bin/true", "working_dir = \"" + dir.path("loop") + "\"\n")),
    {.wait = false}};
  if (auto ended = n.wait(0.5)) {
    CHECK(*ended == 2);
    CHECK_THAT(n.log(), Contains("ELOOP") || Contains("symbolic links"));
    return;
  }
  n.until_state("x", "failed");
  CHECK_THAT(told(n), Contains("ELOOP") || Contains("symbolic links"));
  untouched(n);
}

TEST_CASE("a path longer than PATH_MAX is refused by its name", "[F109]") {
  std::string path = "/";
  while (path.size() <= PATH_MAX)
    path += "aaaaaaaaa/";
  auto as_binary = GENERATE(true, false);
  node n{
    bystander + (as_binary ? broken(path) : broken("/bin/true", "working_dir = \"" + path + "\"\n")), {.wait = false}};
  if (auto ended = n.wait(0.5)) {
    CHECK(*ended == 2);
    CHECK_THAT(n.log(), Contains("ENAMETOOLONG") || Contains("File name too long"));
    return;
  }
  n.until_state("x", "failed");
  CHECK_THAT(told(n), Contains("ENAMETOOLONG") || Contains("File name too long"));
  untouched(n);
}

TEST_CASE("a variable of 1 MB is refused clearly or arrives byte for byte", "[F108]") {
  std::string value(1 << 20, 'v');
  node n{
    bystander + "[[daemon]]\nname = \"x\"\ncommand = \"@WORKER@ @DIR@/x environment @DIR@/x.env\"\nenv = { BIG = \""
      + value + "\" }\n[daemon.restart]\npolicy = \"never\"\n",
    {.wait = false}};
  if (auto ended = n.wait(1)) {
    CHECK(*ended == 2);
    CHECK_THAT(n.log(), Contains("BIG") || Contains("too large") || Contains("too long"));
    return;
  }
  n.until("it is decided", [&] { return n.state("x") == "running" || n.state("x") == "failed"; });
  if (n.state("x") == "running") {
    n.until(
      "all of it arrived", [&] { return read_file(n.path("x.env")).find("BIG=" + value + "\n") != std::string::npos; });
  } else {
    CHECK_THAT(told(n), Contains("too l"));
  }
  untouched(n);
}

TEST_CASE("a configuration with errors starts nothing and shows all of them") {
  scratch dir;
  write_file(
    dir.path("x.toml"),
    "[[daemon]]\nname = \"a\"\nbinary_pth = \"/bin/true\"\n[[daemon]]\nname = \"a\"\nbinary_path = 7\n"
    "[[daemon]]\nname = \"c\"\nbinary_path = \"/bin/true\"\ndepends_on = [\"zz\"]\n");
  for (auto command : {"check", "up"}) {
    auto done = run({program("duende"), command, "-f", dir.path("x.toml")}, {{"DUENDE_SOCKET", dir.path("s.sock")}});
    CHECK(done.status == 2);
    auto text = done.err + done.out;
    CHECK_THAT(text, Contains("x.toml:3:"));
    CHECK_THAT(text, Contains("binary_path"));
    CHECK_THAT(text, Contains("x.toml:6:"));
    CHECK_THAT(text, Contains("zz"));
  }
}
