#include "tests/system/node.hpp"

#include "tests/support/catch.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

extern char** environ;

namespace duende::test {

namespace {

std::string replaced(std::string text, std::string_view what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

} // namespace

scratch::scratch() {
  char name[] = "/tmp/duende-test-XXXXXX";
  if (!mkdtemp(name))
    throw std::runtime_error("cannot make a folder in /tmp");
  path_ = name;
}

scratch::~scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string scratch::path(std::string_view name) const {
  return name.empty() ? path_ : path_ + "/" + std::string{name};
}

node::node(std::string stack, options how)
  : socket_(dir_.path("run/api.sock")), port_(free_port()), how_(std::move(how)) {
  std::filesystem::create_directories(dir_.path("run"));
  rewrite_stack(std::move(stack));
  launch(how_);
}

node::~node() {
  if (!std::getenv("DUENDE_TEST_KEEP"))
    cleanup();
}

void node::rewrite_stack(std::string stack) {
  std::string head = "[node]\nname = \"" + how_.name + "\"\nstate_dir = \"" + dir_.path("state") + "\"\nmetrics = \""
                     + metrics_address() + "\"\n" + how_.node_keys + "\n";
  write_file(path("duende.toml"), replaced(replaced(head + stack, "@DIR@", dir_.path()), "@WORKER@", worker()));
}

void node::launch(const options& how) {
  std::vector<std::string> command;
  for (const auto& word : how.prefix)
    command.push_back(replaced(word, "@DIR@", dir_.path()));
  for (const auto& word : {duende(), std::string{"up"}, std::string{"-f"}, path("duende.toml")})
    command.push_back(word);
  auto env = how.env;
  env["DUENDE_SOCKET"] = socket_;
  env["NO_COLOR"] = "1";
  status_.reset();
  pid_ = fork();
  if (pid_ == 0) {
    setsid();
    int in = open("/dev/null", O_RDONLY);
    int out = open(path("node.log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    for (const auto& [key, value] : env)
      setenv(key.c_str(), replaced(value, "@DIR@", dir_.path()).c_str(), 1);
    std::vector<char*> argv;
    for (auto& word : command)
      argv.push_back(word.data());
    argv.push_back(nullptr);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  REQUIRE(pid_ > 0);
  if (how.wait)
    until(
      "the node answers", [this] { return get("/v1/daemons").status == 200; }, 20);
}

void node::start_again(options how) {
  REQUIRE(status_);
  launch(how);
}

void node::cleanup() {
  if (!status_ && !terminate(30)) {
    for (auto pid : tree())
      kill(pid, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  // What outlived a killed keeper still carries the folder in its command line.
  for (auto pid : pids_with(dir_.path()))
    if (pid != getpid())
      kill(pid, SIGKILL);
}

std::optional<int> node::wait(double seconds) {
  if (status_)
    return status_;
  eventually(seconds, [this] {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_)
      return false;
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  });
  return status_;
}

std::optional<int> node::terminate(double seconds) {
  if (!status_)
    kill(pid_, SIGTERM);
  return wait(seconds);
}

outcome node::cli(const std::vector<std::string>& arguments, double seconds) const {
  std::vector<std::string> words = {duende()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return run(words, {{"DUENDE_SOCKET", socket_}, {"NO_COLOR", "1"}}, seconds);
}

std::map<std::string, json> node::ps() const {
  std::map<std::string, json> result;
  auto answer = get("/v1/daemons");
  if (answer.status != 200)
    return result;
  auto parsed = answer.parsed();
  if (parsed.is_array())
    for (auto& each : parsed)
      result[each.value("name", "")] = each;
  return result;
}

json node::ps(std::string_view name) const {
  auto answer = get("/v1/daemons/" + std::string{name});
  auto parsed = answer.parsed();
  return answer.status == 200 && parsed.is_object() ? parsed : json{};
}

std::string node::state(std::string_view name) const {
  auto one = ps(name);
  return one.is_object() ? one.value("state", "") : "";
}

pid_t node::pid_of_daemon(std::string_view name) const {
  auto one = ps(name);
  return one.is_object() && one.contains("pid") && one["pid"].is_number() ? one["pid"].get<pid_t>() : 0;
}

std::vector<json> node::events() const {
  auto parsed = get("/v1/events?limit=100000").parsed();
  return parsed.is_array() ? parsed.get<std::vector<json>>() : std::vector<json>{};
}

void node::until(const std::string& what, const std::function<bool()>& condition, double seconds) const {
  if (eventually(seconds, condition))
    return;
  auto text = log();
  FAIL(
    what << ": not within " << seconds << " s; the node's log ends with\n"
         << text.substr(text.size() > 2000 ? text.size() - 2000 : 0));
}

void node::until_state(std::string_view name, std::string_view wanted, double seconds) const {
  until(
    std::string{name} + " is " + std::string{wanted}, [&] { return state(name) == wanted; }, seconds);
}

std::vector<pid_t> node::tree() const { return tree_of(pid_); }

pid_t node::pid_of(std::string_view executable) const {
  for (auto pid : tree()) {
    std::error_code ignored;
    auto path = std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", ignored);
    if (path.filename() == executable || path.filename() == std::string{executable} + " (deleted)")
      return pid;
  }
  return 0;
}

} // namespace duende::test
