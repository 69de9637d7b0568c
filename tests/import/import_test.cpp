// Files of each kind, and what is made of them: files/<format>/* against files/<format>/*.toml. DUENDE_GOLDEN=1 writes those anew.
#include "apps/duende/import/import.hpp"

#include "core/errc.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

using namespace duende;
using namespace duende::porting;
namespace fs = std::filesystem;

namespace {

const std::string root = "/srv/moved";

std::string content(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// A machine that holds the files of `folder` as /srv/moved, and a few variables.
surroundings around_of(const fs::path& folder) {
  auto real = [folder](const std::string& path) { return folder / fs::path{path}.lexically_relative(root); };
  return {
    [real](const std::string& path) -> caf::expected<std::string> {
      if (!path.starts_with(root) || !fs::is_regular_file(real(path)))
        return fail(errc::io_failure, "cannot read '{}': No such file or directory", path);
      return content(real(path));
    },
    [real](const std::string& pattern) {
      std::vector<std::string> found;
      auto star = pattern.find("/*.conf");
      if (star == std::string::npos || !pattern.starts_with(root) || !fs::is_directory(real(pattern.substr(0, star))))
        return found;
      for (const auto& each : fs::directory_iterator{real(pattern.substr(0, star))})
        found.push_back(pattern.substr(0, star + 1) + each.path().filename().string());
      std::sort(found.begin(), found.end());
      return found;
    },
    [](const std::string& name) -> std::optional<std::string> {
      static const std::map<std::string, std::string> variables{{"HOME", "/root"}, {"HOST", "example.com"}};
      auto at = variables.find(name);
      return at == variables.end() ? std::nullopt : std::optional{at->second};
    },
    "machine.example.com"};
}

/// Without what changes when this version learns another key: comments that it is not supported, and the '#' before it.
std::string settled(const std::string& text) {
  std::string result;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    if (line.find("not supported by this version") != std::string::npos && line.find("'") != std::string::npos)
      continue;
    if (line.find("a timer starts it") != std::string::npos) { // as long as there are no schedules
      std::getline(lines, line);
      continue;
    }
    auto hash = line.find("# ");
    auto rest = hash == std::string::npos ? std::string{} : line.substr(hash + 2);
    bool key = rest.starts_with("[") || (rest.find(" = ") != std::string::npos && rest.find(':') > rest.find(" = "));
    if (key && line.find_first_not_of(' ') == hash)
      line.erase(hash, 2);
    result += line + "\n";
  }
  return result;
}

result import_text(std::string_view format, const std::string& name, const std::string& text) {
  return find_importer(format)({{root + "/" + name, text}}, around_of("/nonexistent"));
}

std::string faults_of(std::string_view format, const std::string& text) {
  std::string lines;
  auto made = import_text(format, "f", text);
  CHECK(made.toml.empty() == !made.ok());
  for (const auto& each : made.errors)
    lines += (lines.empty() ? "" : "\n") + to_string(each);
  return lines;
}

/// The one daemon that `text` becomes.
daemon_spec daemon_of(std::string_view format, const std::string& name, const std::string& text) {
  auto made = import_text(format, name, text);
  REQUIRE(made.ok());
  auto loaded = load_text(made.toml, config_format::toml, "made.toml", root);
  REQUIRE(loaded.ok());
  REQUIRE(loaded.value.daemons.size() == 1);
  return loaded.value.daemons.front();
}

using words = std::vector<std::string>;

} // namespace

TEST_CASE("files of other supervisors become what is written down") {
  bool write = std::getenv("DUENDE_GOLDEN") != nullptr;
  std::size_t count = 0;
  for (const char* format : {"supervisord", "procfile", "systemd", "compose"}) {
    fs::path folder = fs::path{DUENDE_IMPORT_FILES} / format;
    for (const auto& each : fs::directory_iterator{folder}) {
      auto name = each.path().filename().string();
      if (!each.is_regular_file() || name.ends_with(".toml") || name.ends_with(".timer") || name.ends_with(".socket"))
        continue;
      ++count;
      INFO(each.path());
      std::vector<source_file> files{{root + "/" + name, content(each.path())}};
      if (name == "web.service") // several units that belong together
        files.push_back({root + "/db.service", content(folder / "db.service")});
      auto made = find_importer(format)(files, around_of(folder));
      for (const auto& error : made.errors)
        UNSCOPED_INFO(to_string(error));
      REQUIRE(made.ok());
      // Files of env_file are not on this machine: the importer has made those lines comments.
      CHECK(load_text(made.toml, config_format::toml, "made.toml", root).ok());
      auto golden = folder / (name + ".toml");
      if (write)
        std::ofstream{golden, std::ios::binary} << made.toml;
      CHECK(settled(made.toml) == settled(content(golden)));
    }
  }
  CHECK(count >= 15);
}

TEST_CASE("what is no such file is refused with its place") {
  const std::string binary{
    "\x7f"
    "ELF\0\1\2",
    7};
  for (const char* format : {"supervisord", "procfile", "systemd", "compose"}) {
    INFO(format);
    CHECK_THAT(faults_of(format, binary), Contains("/srv/moved/f:1:1: a NUL character"));
    CHECK_THAT(faults_of(format, "a\n\xff\xfe\n"), Contains("/srv/moved/f:2:1: bytes that are no UTF-8"));
    CHECK(!faults_of(format, "").empty());
  }
  CHECK(
    faults_of("supervisord", "hello world\n")
    == "/srv/moved/f:1:1: 'hello world' is neither a section nor 'key=value'");
  CHECK(faults_of("supervisord", "a=b\n") == "/srv/moved/f:1:1: 'a=b' stands before any [section]");
  CHECK(faults_of("supervisord", "[program:x]\n") == "/srv/moved/f:1:1: [program:x] has no 'command'");
  CHECK(
    faults_of("supervisord", "[program:x]\ncommand=a 'b\n")
    == "/srv/moved/f:2:1: 'command': a quote is not closed in 'a 'b'");
  CHECK(
    faults_of("supervisord", "[program:x]\ncommand=a\nnumprocs=many\n")
    == "/srv/moved/f:3:1: 'numprocs': 'many' is no number from 1 to 1000");
  CHECK_THAT(faults_of("supervisord", "[program:x]\ncommand=%(ENV_NOPE)s\n"), Contains("'NOPE' is not set"));
  CHECK_THAT(faults_of("supervisord", "[program:x]\ncommand=100%\n"), Contains("a percent sign is written '%%'"));
  CHECK_THAT(faults_of("supervisord", "[group:g]\nprograms=nobody\n"), Contains("there is no [program:nobody]"));
  CHECK(
    faults_of("procfile", "web: a\nnonsense\nweb: b\n")
    == "/srv/moved/f:2:1: 'nonsense' is no 'name: command'\n/srv/moved/f:3:1: 'web' is already in line 1");
  CHECK_THAT(faults_of("systemd", "[Unit]\nDescription=x\n"), Contains("no [Service] section"));
  CHECK_THAT(faults_of("systemd", "[Service]\nType=simple\n"), Contains("has no 'ExecStart'"));
  CHECK_THAT(
    faults_of("systemd", "[Service]\nExecStart=/a\nType=notfy\nRestartSec=soon\nRestart=always\n"),
    Contains("/srv/moved/f:3:1: 'Type': unknown type 'notfy'; did you mean 'notify'?")
      && Contains("/srv/moved/f:4:1: 'RestartSec': 'soon' is no time span"));
  CHECK_THAT(faults_of("compose", "services: [a\n"), Contains("/srv/moved/f:2:1: no YAML"));
  CHECK_THAT(faults_of("compose", "- a\n"), Contains("no mapping at the top"));
  CHECK_THAT(
    faults_of("compose", "services:\n  a: 1\n"), Contains("/srv/moved/f:2:1: service 'a': expected a mapping"));
  CHECK_THAT(faults_of("compose", "services: {a: {image: x, command: '${'}}\n"), Contains("is no variable"));
  CHECK_THAT(
    faults_of("compose", "services: {a: {image: x, command: y, restart: sometimes}}\n"),
    Contains("'sometimes' is none of"));
}

TEST_CASE("a shell is used only where the line needs one") {
  auto runs = [](const std::string& line) {
    auto spec = daemon_of("procfile", "Procfile", "a: " + line + "\n");
    words all{spec.binary_path};
    all.insert(all.end(), spec.args.begin(), spec.args.end());
    return all;
  };
  CHECK(runs("node server.js 'a b'") == words{"node", "server.js", "a b"});
  CHECK(runs("A=1 node x") == words{"node", "x"});
  CHECK(runs("node $X") == words{"/bin/sh", "-c", "exec node $X"});
  CHECK(runs("a | b") == words{"/bin/sh", "-c", "a | b"});
  CHECK(runs("a > x 2>&1") == words{"/bin/sh", "-c", "exec a > x 2>&1"});
  CHECK(runs("A=$B node x") == words{"/bin/sh", "-c", "A=$B node x"});
  CHECK(runs("cd x") == words{"/bin/sh", "-c", "cd x"});
}

TEST_CASE("systemd's variables and specifiers mean what they mean there") {
  auto spec = daemon_of(
    "systemd", "a-b@x\\x2dy.service",
    "[Service]\nUser=u\nExecStart=/bin/p %i %I %p %N %% ${A}-$$ $B \"c d\"\nEnvironment=\"X=%n\" 'Y=a b'\n");
  CHECK(spec.binary_path == "/bin/sh");
  CHECK(spec.args == words{"-fc", "exec /bin/p 'x\\x2dy' x-y a-b 'a-b@x\\x2dy' % \"${A}\"'-$' $B 'c d'"});
  CHECK(spec.env.at("X") == "a-b@x\\x2dy.service");
  CHECK(spec.env.at("Y") == "a b");
}

TEST_CASE("whatever the bytes are, what comes out passes the loader") {
  // Quotes, newlines and control characters in every place a text can stand.
  auto spec = daemon_of(
    "compose", "compose.yaml",
    "services:\n  \"a \\\"b\\n\": { image: \"i\\n[x]\", command: [\"p\", \"\\\"\\\\\\n\\t\\x01'''\"], labels: {x: "
    "\"\\n[[daemon]]\"},\n"
    "    environment: { \"A B\": \"\\\"\\n\", \"\": x } }\n");
  CHECK(spec.name == "a-b");
  CHECK(spec.args == words{"\"\\\n\t\x01'''"});
}
