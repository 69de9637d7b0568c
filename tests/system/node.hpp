// A private node for a test: the built programs, a folder, a socket and a port of its own, gone at the end with all it started.
#pragma once

#include <nlohmann/json.hpp>

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duende::test {

using json = nlohmann::json;

struct outcome {
  int status = -1; ///< exit code, or 128 + signal
  std::string out, err;
};

struct response {
  int status = 0; ///< 0: no answer
  std::string head, body;
  json parsed() const { return json::parse(body, nullptr, false); }
};

struct record {
  pid_t pid = 0;
  std::int64_t ns = 0; ///< CLOCK_MONOTONIC of the worker's first instructions
};

struct options {
  std::string name = "test";
  std::vector<std::string> prefix;        ///< a command that runs `duende up`, such as unshare
  std::map<std::string, std::string> env; ///< beside the test's own
  std::string node_keys;                  ///< more lines for [node]
  std::string bin;                        ///< folder of other copies of the programs
  bool wait = true;                       ///< until the API answers
};

/// Runs to the end; killed (status 137) after `seconds`.
outcome
run(const std::vector<std::string>& argv, const std::map<std::string, std::string>& env = {}, double seconds = 30);

/// A command whose output goes to a file; killed, with what it started, at the end of this object.
class background {
public:
  background(std::vector<std::string> argv, const std::string& output);
  ~background();
  background(const background&) = delete;
  background& operator=(const background&) = delete;

private:
  pid_t pid_;
};

/// One request and its whole answer; `address` is the path of a unix socket or "127.0.0.1:PORT". `raw` is sent as it stands.
response http(const std::string& address, std::string_view method, std::string_view path, std::string_view body = {});
response http_raw(const std::string& address, std::string_view raw, double seconds = 10);

/// Present and no zombie.
bool alive(pid_t pid);
/// Sends SIGSTOP and waits until no thread runs: the signal waits for the one that takes it, the others go on until then.
bool freeze(pid_t pid);
std::string read_file(const std::string& path);
void write_file(const std::string& path, std::string_view text);
std::vector<std::string> lines_of(const std::string& text);
/// What workers wrote to `path`, in order.
std::vector<record> records(const std::string& path);
std::int64_t monotonic_ns();
int free_port();
/// Descendants of `root` and itself.
std::vector<pid_t> tree_of(pid_t root);
/// Whose command line holds `text`, zombies not included.
std::vector<pid_t> pids_with(std::string_view text);
/// Asks again until true or the time is over.
bool eventually(double seconds, const std::function<bool()>& condition);
/// The p-th share (0..1) of the values.
double quantile(std::vector<double> values, double p);
/// The programs under test, and the worker of these tests.
std::string program(std::string_view name);
std::string worker();

/// A folder of its own below /tmp, removed at the end.
class scratch {
public:
  scratch();
  ~scratch();
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  std::string path(std::string_view name = {}) const;

private:
  std::string path_;
};

class node {
public:
  /// Writes the stack ("@DIR@" becomes the folder, "@WORKER@" the worker) and starts `duende up` on it. Fails the test where
  /// the API does not answer in 20 s.
  explicit node(std::string stack, options how = {});
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  std::string path(std::string_view name) const { return dir_.path(name); }
  const std::string& socket() const { return socket_; }
  std::string metrics_address() const { return "127.0.0.1:" + std::to_string(port_); }
  /// The foreground process of `duende up`.
  pid_t pid() const { return pid_; }
  std::string log() const { return read_file(path("node.log")); }

  outcome cli(const std::vector<std::string>& arguments, double seconds = 30) const;
  response get(std::string_view path) const { return http(socket_, "GET", path); }
  response post(std::string_view path, std::string_view body = {}) const { return http(socket_, "POST", path, body); }
  /// By name, over the API; empty where the node does not answer.
  std::map<std::string, json> ps() const;
  /// One daemon; null where there is none.
  json ps(std::string_view name) const;
  std::string state(std::string_view name) const;
  pid_t pid_of_daemon(std::string_view name) const;
  std::vector<json> events() const;

  /// Fails the test with `what` and the end of the log where `condition` does not hold in time.
  void until(const std::string& what, const std::function<bool()>& condition, double seconds = 10) const;
  void until_state(std::string_view name, std::string_view state, double seconds = 10) const;

  std::vector<pid_t> tree() const;
  /// The process in this node's tree whose executable has this name; 0 where there is none.
  pid_t pid_of(std::string_view executable) const;

  /// Waits for the end of `duende up`; none where it still runs after `seconds`.
  std::optional<int> wait(double seconds);
  /// SIGTERM and wait.
  std::optional<int> terminate(double seconds = 40);
  /// Starts `duende up` again on the same folder, after it ended.
  void start_again(options how = {});
  void rewrite_stack(std::string stack);
  /// The program that this node is used by.
  std::string duende() const { return how_.bin.empty() ? program("duende") : how_.bin + "/duende"; }

private:
  void launch(const options& how);
  void cleanup();

  scratch dir_;
  std::string socket_;
  int port_;
  options how_;
  pid_t pid_ = 0;
  std::optional<int> status_;
};

} // namespace duende::test
