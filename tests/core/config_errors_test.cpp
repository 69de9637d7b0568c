// Every kind of fault, with its exact place and words.
#include "tests/core/config_support.hpp"
#include "tests/support/catch.hpp"

using namespace duende;
using duende::test::faults;

namespace {

struct row {
  const char* text;
  const char* expected;
};

/// A daemon on lines 1 to 3, the row's text from line 4 on.
void check_in_daemon(std::initializer_list<row> rows) {
  for (const auto& [text, expected] : rows) {
    INFO(text);
    CHECK(faults(std::string{"[[daemon]]\nname = \"a\"\nbinary_path = \"/bin/true\"\n"} + text) == expected);
  }
}

void check_whole(std::initializer_list<row> rows) {
  for (const auto& [text, expected] : rows) {
    INFO(text);
    CHECK(faults(text) == expected);
  }
}

} // namespace

TEST_CASE("wrong types name what was expected and found") {
  check_in_daemon({
    {"version = 15.2", "f.toml:4:11: 'version': expected a string, found a number"},
    {"autostart = \"yes\"", "f.toml:4:13: 'autostart': expected a boolean, found a string"},
    {"args = \"-D x\"", "f.toml:4:8: 'args': expected an array of strings, found a string"},
    {"args = [\"-p\", 80]", "f.toml:4:15: 'args': expected a string, found an integer"},
    {"env = [\"A=1\"]", "f.toml:4:7: 'env': expected a table of strings, found an array"},
    {"env = { PORT = 80 }", "f.toml:4:16: 'env.PORT': expected a string, found an integer; write it in quotes"},
    {"shutdown_timeout = 30", "f.toml:4:20: 'shutdown_timeout': expected a duration such as \"30s\", found an integer"},
    {"restart = \"always\"", "f.toml:4:11: 'restart': expected a table, found a string"},
    {"version = 2026-01-31", "f.toml:4:11: 'version': expected a string, found a date or time"},
    {"[daemon.restart]\nmultiplier = \"2\"", "f.toml:5:14: 'restart.multiplier': expected a number, found a string"},
    {"[daemon.restart]\nmax_retries = 1.5", "f.toml:5:15: 'restart.max_retries': expected an integer, found a number"},
    {"[daemon.restart]\nsuccess_codes = 0",
     "f.toml:5:17: 'restart.success_codes': expected an array of integers, found an integer"},
    {"[daemon.logs]\nmax_bytes = true",
     "f.toml:5:13: 'logs.max_bytes': expected a size such as \"64MiB\", found a boolean"},
    {"inherit_env = \"PATH\"", "f.toml:4:15: 'inherit_env': expected an array of strings or a boolean, found a string"},
    {"depends_on = \"b\"", "f.toml:4:14: 'depends_on': expected an array of names, found a string"},
    {"depends_on = [1]", "f.toml:4:15: 'depends_on': expected a name, found an integer"},
  });
  check_whole({
    {"node = 1", "f.toml:1:8: 'node': expected a table, found an integer"},
    {"[daemon]\nname = \"a\"", "f.toml:1:2: 'daemon': expected an array of tables, found a table; write [[daemon]]"},
    {"daemon = [1]", "f.toml:1:11: 'daemon': expected a table, found an integer"},
    {"daemon = 1", "f.toml:1:10: 'daemon': expected an array of tables, found an integer"},
  });
}

TEST_CASE("unknown keys come with the nearest known one") {
  check_in_daemon({
    {"workingdir = \"/\"", "f.toml:4:1: unknown key 'workingdir'; did you mean 'working_dir'?"},
    {"max_retries = 3", "f.toml:4:1: unknown key 'max_retries'; 'max_retries' belongs to [daemon.restart]"},
    {"colour = 3", "f.toml:4:1: unknown key 'colour'"},
    {"[daemon.restart]\nwithin = 1\nname = 1",
     "f.toml:5:1: unknown key 'restart.within'\nf.toml:6:1: unknown key 'restart.name'; 'name' belongs to [daemon]"},
    {"depends_on = [{ nam = \"b\" }]", "f.toml:4:15: 'depends_on': a dependency without 'name'\n"
                                       "f.toml:4:17: 'depends_on': unknown key 'nam'; did you mean 'name'?"},
  });
  check_whole({
    {"[nod]\nname = \"x\"", "f.toml:1:2: unknown key 'nod'; did you mean 'node'?"},
    {"[node]\nstatedir = \"x\"", "f.toml:2:1: unknown key 'node.statedir'; did you mean 'state_dir'?"},
    {"[[supervisor]]\nname = \"s\"\nintensity = { restart = 1 }",
     "f.toml:3:15: unknown key 'intensity.restart'; did you mean 'restarts'?"},
  });
}

TEST_CASE("values outside of what is accepted") {
  check_in_daemon({
    {"backend = \"nativ\"", "f.toml:4:11: 'backend': unknown value 'nativ'; did you mean 'native'? (accepted: native, "
                            "systemd, launchd, container, "
                            "microvm, wasm, auto)"},
    {"stop_signal = \"TERMINATE\"", "f.toml:4:15: 'stop_signal': 'TERMINATE' is no signal"},
    {"stop_signal = \"STOP\"", "f.toml:4:15: 'stop_signal': SIGSTOP stops no daemon"},
    {"shutdown_timeout = \"30\"", "f.toml:4:20: 'shutdown_timeout': '30' is no duration; write numbers with units: "
                                  "\"250ms\", \"30s\", \"5m\", \"1h30m\""},
    {"[daemon.restart]\njitter = 1.5", "f.toml:5:10: 'restart.jitter': 1.5 is out of range; accepted is 0 to 1"},
    {"[daemon.restart]\njitter = nan", "f.toml:5:10: 'restart.jitter': nan is out of range; accepted is 0 to 1"},
    {"[daemon.restart]\nmultiplier = 0.5",
     "f.toml:5:14: 'restart.multiplier': 0.5 is out of range; accepted is 1 to 1000"},
    {"[daemon.restart]\nsuccess_codes = [0, 256]",
     "f.toml:5:21: 'restart.success_codes': 256 is out of range; accepted is 0 to 255"},
    {"[daemon.restart]\npolicy = \"alway\"", "f.toml:5:10: 'restart.policy': unknown value 'alway'; did you mean "
                                             "'always'? (accepted: never, on-failure, always, "
                                             "unless-stopped, max-retries)"},
    {"[daemon.logs]\nmax_bytes = \"64Mb\"", "f.toml:5:13: 'logs.max_bytes': '64Mb' is no size; write bytes or a number "
                                            "with a unit: 65536, \"64KiB\", \"512MiB\", "
                                            "\"1.5GiB\", \"1GB\""},
    {"[daemon.logs]\nmax_bytes = -1", "f.toml:5:13: 'logs.max_bytes': -1 is out of range; accepted is 0 to 9.2e+18"},
    {"[daemon.logs]\nmax_files = 0", "f.toml:5:13: 'logs.max_files': 0 is out of range; accepted is 1 to 10000"},
    {"[daemon.ready]\ntype = \"log\"\npattern = \"(\"", "f.toml:6:11: 'ready.pattern': not a regular expression "
                                                        "(ECMAScript): Mismatched '(' and ')' in regular expression"},
    {"[daemon.ready]\ntype = \"tcp\"\naddress = \"localhost\"",
     "f.toml:6:11: 'ready.address': 'localhost' is no address; write HOST:PORT, [IPV6]:PORT or unix:PATH"},
    {"[daemon.ready]\ntype = \"http\"\nurl = \"localhost/x\"",
     "f.toml:6:7: 'ready.url': 'localhost/x' is no URL; write http://HOST[:PORT]/PATH"},
    {"[daemon.ready]\ntype = \"exec\"\ncommand = \"a | b\"",
     "f.toml:6:11: 'ready.command': '|' at column 3 of the command: no shell is run: quote it or use binary_path = "
     "\"/bin/sh\""},
    {"[daemon.ready]\ntype = \"fd\"\nnumber = 2",
     "f.toml:6:10: 'ready.number': 2 is out of range; accepted is 3 to 1023"},
    {"depends_on = [{ name = \"a\", until = \"up\" }]",
     "f.toml:4:37: 'depends_on': 'until': unknown value 'up' (accepted: started, ready, completed)"},
    {"args = [\"a\\u0000b\"]", "f.toml:4:9: 'args': a NUL character at column 2"},
    {"env = { \"A=B\" = \"1\" }", "f.toml:4:9: 'env': 'A=B' is no name of a variable"},
  });
  check_whole({
    {"[node]\nname = \"a b\"",
     "f.toml:2:8: 'node.name': 'a b' is no name: 1 to 64 of A-Z a-z 0-9 . _ - with a letter or digit first"},
    {"[node]\nmetrics = \"9464\"",
     "f.toml:2:11: 'node.metrics': '9464' is no address; write HOST:PORT, [IPV6]:PORT or \"off\""},
    {"[node]\nsample_interval = \"5ms\"",
     "f.toml:2:19: 'node.sample_interval': 5ms is too short; the shortest is 10ms, and \"0s\" is off"},
    {"[node]\nsample_interval = \"2h\"",
     "f.toml:2:19: 'node.sample_interval': 2h is out of range; accepted is 0s to 1h"},
    {"[node]\nsample_history = \"0s\"", "f.toml:2:18: 'node.sample_history': 0s is out of range; accepted is 1s to 1d"},
    {"[[supervisor]]\nname = \"root\"",
     "f.toml:2:8: 'name': 'root' is the supervisor that exists without being written"},
    {"[[supervisor]]\nname = \"s\"\nintensity = { restarts = 1, window = \"0s\" }",
     "f.toml:3:38: 'intensity.window': 0s is out of range; accepted is 1ms to 366d"},
  });
}

TEST_CASE("the API leaves the machine only with a certificate and a token") {
  const std::string hash = "hash = \"sha256:" + std::string(64, 'a') + "\"";
  const std::string token = "[[node.token]]\nname = \"t\"\n" + hash;
  const std::string tls = "[node.tls]\ncertificate = \"c\"\nkey = \"k\"\n";
  const std::string far = "[node]\napi = \"0.0.0.0:1\"\n";
  const std::string rest = "; for this machine alone use 127.0.0.1:1";
  const std::vector<std::pair<std::string, std::string>> rows = {
    {far, "f.toml:2:7: 'node.api': '0.0.0.0:1' is not on loopback: it needs a certificate and a key in [node.tls], and "
          "at least one [[node.token]] (duende token makes one)"
            + rest},
    {far + token,
     "f.toml:2:7: 'node.api': '0.0.0.0:1' is not on loopback: it needs a certificate and a key in [node.tls]" + rest},
    {far + tls, "f.toml:2:7: 'node.api': '0.0.0.0:1' is not on loopback: it needs at least one [[node.token]] (duende "
                "token makes one)"
                  + rest},
    {far + "[node.tls]\ncertificate = \"c\"\n" + token, "f.toml:3:1: 'node.tls' needs both 'certificate' and 'key'"},
    {"[[node.token]]\nname = \"t\"", "f.toml:1:1: 'node.token': a token without 'hash'"},
    {"[[node.token]]\n" + hash, "f.toml:1:1: 'node.token': a token without 'name'"},
    {token + "\naccess = \"all\"", "f.toml:4:10: 'node.token.access': unknown value 'all' (accepted: read, full)"},
    {"[[node.token]]\nname = \"t\"\nhash = \"duende_0123\"",
     "f.toml:3:8: 'node.token.hash': this is the token itself, which belongs to its holder; write its hash, as 'duende "
     "token' printed it"},
    {"[[node.token]]\nname = \"t\"\nhash = \"sha256:beef\"",
     "f.toml:3:8: 'node.token.hash': expected \"sha256:\" and 64 hexadecimal digits"},
  };
  for (const auto& [text, expected] : rows) {
    INFO(text);
    CHECK(faults(text) == expected);
  }
  auto twice = load_text(token + "\n" + token, config_format::toml, "f.toml", "/d");
  CHECK(twice.errors.size() == 2);
  auto good = load_text(far + tls + "client_ca = \"ca\"\n" + token, config_format::toml, "f.toml", "/d");
  REQUIRE(good.ok());
  CHECK(good.value.node.tls == tls_spec{"/d/c", "/d/k", "/d/ca"});
  CHECK(good.value.node.tokens == std::vector<token_spec>{{"t", "sha256:" + std::string(64, 'a'), access_level::full}});
  auto again = load_text(stack_to_json(good.value), config_format::json, "stored", "/");
  REQUIRE(again.ok());
  CHECK(again.value.node == good.value.node);
}

TEST_CASE("what goes together and what does not") {
  check_in_daemon({
    {"command = \"x\"", "f.toml:4:11: 'command' and 'binary_path' exclude each other"},
    {"[daemon.ready]\ntype = \"tcp\"", "f.toml:4:1: 'ready.type' = \"tcp\" needs 'ready.address'"},
    {"[daemon.ready]\ntype = \"http\"", "f.toml:4:1: 'ready.type' = \"http\" needs 'ready.url'"},
    {"[daemon.ready]\ntype = \"exec\"", "f.toml:4:1: 'ready.type' = \"exec\" needs 'ready.command'"},
    {"[daemon.ready]\ntype = \"log\"", "f.toml:4:1: 'ready.type' = \"log\" needs 'ready.pattern'"},
    {"[daemon.ready]\npattern = \"x\"", "f.toml:4:1: 'ready.pattern' needs 'ready.type' = \"log\""},
    {"[daemon.health_check]\ninterval = \"5s\"", "f.toml:4:1: 'health_check' without 'type'"},
  });
  check_whole({
    {"[[daemon]]\nbinary_path = \"x\"", "f.toml:1:1: a daemon without 'name'"},
    {"[[daemon]]\nname = \"x\"", "f.toml:2:8: a daemon needs 'binary_path' or 'command'"},
    {"[[daemon]]\nname = \"x\"\ncommand = \"y\"\nargs = []", "f.toml:3:11: 'command' and 'args' exclude each other"},
    {"[[daemon]]\nname = \"x\"\ncommand = \" \"", "f.toml:3:11: 'command': an empty command"},
    {"[[supervisor]]\nparent = \"root\"", "f.toml:1:1: a supervisor without 'name'"},
  });
}

TEST_CASE("keys of later versions are refused, unless they change nothing") {
  check_in_daemon({
    {"backend = \"wasm\"", "f.toml:4:11: 'backend': backend 'wasm' is not supported by this version"},
    {"[daemon.resources]\nnetwork_bps = \"1MiB\"",
     "f.toml:5:1: 'resources.network_bps' is not supported by this version: the kernel shapes what a device sends, not "
     "what "
     "a process does; have tc limit the device, or cut the daemon off with security.network = false"},
    {"[daemon.resources]\ndisk_bytes = \"1MiB\"",
     "f.toml:5:1: 'resources.disk_bytes' is not supported by this version: a quota belongs to a file system, not to a "
     "process; give its folders one of their own (a project quota, a loop device, a tmpfs of that size)"},
    {"[daemon.placement]\nnode = \"web-2\"", "f.toml:5:1: 'placement.node' is not supported by this version"},
    {"instances = 1\nbackend = \"auto\"\n"
     "[daemon.security]\nseccomp = \"off\"\nnetwork = true\n"
     "[daemon.resources]\nmemory_bytes = 0\nio_read_bps = \"0B\"\ncpu_quota_percent = 0.0\nlock_memory = false\n"
     "[daemon.health_check]\ntype = \"notify\"\nretries = 3\ntimeout = \"10s\"\n"
     "[daemon.hooks]\npre_stop = []\n[daemon.rolling]\nmax_unavailable = 0\n[daemon.jidoka]",
     ""},
  });
}

TEST_CASE("limits are sizes, numbers and not less than each other") {
  check_in_daemon({
    {"[daemon.resources]\nmemory_bytes = \"64MiB\"\nmemory_swap_bytes = \"128MiB\"", ""},
    {"[daemon.resources]\nmemory_bytes = \"64MiB\"\nmemory_swap_bytes = \"32MiB\"",
     "f.toml:6:21: 'resources.memory_swap_bytes' counts memory and swap together: it can't be less than "
     "'memory_bytes'"},
    {"[daemon.resources]\npids_max = \"many\"",
     "f.toml:5:12: 'resources.pids_max': expected an integer, found a string"},
  });
}

TEST_CASE("syntax errors have a place too") {
  CHECK_THAT(faults("[node\nname = 1"), Contains("f.toml:1:6: "));
  CHECK_THAT(faults("[node]\nname = \"a\nb\""), Contains("f.toml:2:10: "));
  CHECK_THAT(faults("[node]\nname = \"a\"\nname = \"b\""), Contains("f.toml:3:"));
  CHECK_THAT(faults("\xff"), Contains("f.toml:1:1: "));
  // Letters where a blank may stand were undefined behaviour in toml++ 3.3.
  CHECK_THAT(faults("[node]\nname = \"a\"é"), Contains("f.toml:2:11: "));
  CHECK_THAT(faults("é = 1"), Contains("f.toml:1:1: "));
  for (const char* header : {"[(", "[[(x]]", "[.a]", "[ =", "[#"})
    CHECK_THAT(faults(header), Contains("f.toml:1:"));
  CHECK(faults("[[daemon]]\nname = \"a\"\ncommand = \"x\"\nversion = \"\"\"\\\n  é\"\"\"").empty());
  std::string dotted = "a";
  for (int i = 0; i < 1'000'000; ++i)
    dotted += ".a";
  CHECK(faults(dotted + " = 1") == "f.toml:1:32: a key of more than 16 parts");
  CHECK_THAT(faults("x = " + std::string(100'000, '[')), Contains("f.toml:1:"));
  CHECK_THAT(faults("x = " + std::string(40, '[') + std::string(40, ']')), Contains("more than 32 tables and arrays"));
  CHECK_THAT(faults(std::string(max_config_bytes + 1, ' ')), Contains("f.toml: more than 4194304 bytes"));
}

TEST_CASE("many faults are bounded") {
  std::string text;
  for (int i = 0; i < 20'000; ++i)
    text += "k" + std::to_string(i) + " = 1\n";
  auto result = load_text(text, config_format::toml, "f.toml", "/");
  CHECK(result.errors.size() == max_config_errors + 1);
  CHECK(to_string(result.errors.back()) == "f.toml: 19000 more errors");
}

TEST_CASE("a variable or a path that the kernel would refuse", "[F108][F109]") {
  auto with = [](const std::string& line) {
    return faults("[[daemon]]\nname = \"a\"\nbinary_path = \"/bin/true\"\n" + line);
  };
  CHECK(with("env = { BIG = \"" + std::string(131'072 - 5, 'x') + "\" }").empty());
  CHECK(
    with("env = { BIG = \"" + std::string(131'072 - 4, 'x') + "\" }")
    == "f.toml:4:9: 'env': variable 'BIG' takes 131073 bytes with its name; the kernel's limit is 131072 "
       "(MAX_ARG_STRLEN)");
  CHECK_THAT(with("env = { BIG = \"" + std::string(1'000'000, 'x') + "\" }"), Contains("'BIG'") && Contains("131072"));
  CHECK_THAT(
    with("args = [\"" + std::string(131'072, 'x') + "\"]"), Contains("the kernel's limit of one argument is 131071"));
  CHECK(with("working_dir = \"/" + std::string(4094, 'x') + "\"").empty());
  CHECK(
    with("working_dir = \"/" + std::string(4095, 'x') + "\"")
    == "f.toml:4:15: 'working_dir': a path of 4096 bytes; the kernel takes at most 4095: File name too long");
}
