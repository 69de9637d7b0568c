#include "actors/api/node_lock.hpp"
#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/files.hpp"
#include "apps/duende/follow.hpp"
#include "apps/duende/keeper_process.hpp"
#include "apps/duende/process.hpp"
#include "core/paths.hpp"

#include <array>
#include <csignal>
#include <optional>
#include <thread>

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace duende::cli {
namespace {

constexpr auto start_time = std::chrono::seconds{60};

/// SIGINT, SIGTERM and SIGHUP as a descriptor. Before any thread exists: they inherit the mask.
int signal_descriptor() {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGINT, SIGTERM, SIGHUP})
    sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN); // whoever reads our output may go; the daemons stay
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int exit_status(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// What a node wrote to its ready pipe.
struct start_report {
  bool ready = false;
  bool over = false; ///< timed out
  std::string text;
};

class foreground {
public:
  foreground(const context& c, keeper_process keeper, std::string name)
    : context_(c), keeper_(keeper), ended_(keeper.pid), name_(std::move(name)) {}

  int signals = -1;

  /// Waits until the node is ready, says why not, or is gone. Signals go to the keeper meanwhile.
  start_report wait_ready() {
    start_report report;
    auto deadline = monotonic_now() + start_time;
    while (true) {
      auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - monotonic_now()).count();
      if (left <= 0) {
        report.over = true;
        return report;
      }
      std::array<pollfd, 2> waiting = {{{keeper_.ready_fd, POLLIN, 0}, {signals, POLLIN, 0}}};
      poll(waiting.data(), waiting.size(), static_cast<int>(left));
      if (waiting[1].revents != 0 && take_signal())
        ::kill(keeper_.pid, SIGTERM);
      if (waiting[0].revents == 0)
        continue;
      std::array<char, 4096> bytes;
      auto n = read(keeper_.ready_fd, bytes.data(), bytes.size());
      if (n > 0 && report.text.size() < 1024 * 1024) {
        report.text.append(bytes.data(), static_cast<std::size_t>(n));
        report.ready = report.text == "ready\n";
      }
      if (n <= 0 || report.ready)
        return report;
    }
  }

  bool take_signal() const {
    signalfd_siginfo info{};
    return read(signals, &info, sizeof info) == sizeof info;
  }

  /// Until the keeper has ended; its exit code.
  int wait_end(follow_session& session) {
    int asked = 0;
    while (true) {
      std::array<pollfd, 2> waiting = {{{ended_.fd(), POLLIN, 0}, {signals, POLLIN, 0}}};
      poll(waiting.data(), waiting.size(), -1);
      if (waiting[0].revents != 0)
        return exit_status(keeper_.pid);
      if (waiting[1].revents == 0 || !take_signal())
        continue;
      if (++asked == 1)
        ::kill(keeper_.pid, SIGTERM);
      else
        session.view().say(what_is_left());
    }
  }

  int end_keeper() const {
    ::kill(keeper_.pid, SIGTERM);
    ended_.wait_until(monotonic_now() + std::chrono::seconds{10});
    return failed;
  }

  /// The code of a keeper that is about to end by itself.
  int await_code() const {
    return ended_.wait_until(monotonic_now() + std::chrono::seconds{10}) ? exit_status(keeper_.pid) : failed;
  }

private:
  std::string what_is_left() const {
    client node{context_.socket()};
    auto daemons = node.send_json({.target = "/v1/daemons", .patience = std::chrono::seconds{5}});
    std::string names;
    if (daemons)
      for (const auto& daemon : *daemons)
        if (number_of(daemon, "pid") > 0 && names.size() < 200)
          names += fmt::format(
            "{}{} (pid {})", names.empty() ? "" : ", ", text_of(daemon, "name"),
            static_cast<long>(number_of(daemon, "pid")));
    return names.empty() ? "still stopping"
                         : fmt::format("still stopping: {}; each is killed after its shutdown_timeout", names);
  }

  const context& context_;
  keeper_process keeper_;
  process_handle ended_;
  std::string name_;
};

int explain_failure(foreground& node, const start_report& report, const std::string& name) {
  if (report.over) {
    print_error(fmt::format("cannot start node '{}': it was not ready within {} s", name, start_time.count()));
    return node.end_keeper();
  }
  int code = node.await_code();
  auto text = report.text.substr(0, report.text.find_last_not_of('\n') + 1);
  if (text.empty())
    text = fmt::format("it ended before it was ready (exit code {})", code);
  for (std::size_t begin = 0; begin < text.size();) {
    auto end = std::min(text.find('\n', begin), text.size());
    print_error(fmt::format("cannot start node '{}': {}", name, text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return code == done ? failed : code;
}

/// Follows what has logs already from where they end now, before anybody writes. Returns the rest: there all is news, so
/// following them need not hold the start up.
std::vector<api::log_source>
follow_existing(follow_session& session, const stack& loaded, const std::string& state_dir) {
  std::vector<api::log_source> fresh;
  bool has_logs = access((state_dir + "/logs").c_str(), F_OK) == 0;
  for (const auto& daemon : loaded.daemons) {
    bool elsewhere = !daemon.logs.dir.empty();
    api::log_source source{
      daemon.name, elsewhere ? daemon.logs.dir : state_dir + "/logs/" + daemon.name, daemon.logs.timestamps};
    if ((elsewhere || has_logs) && access(source.dir.c_str(), F_OK) == 0)
      session.add(std::move(source), 0);
    else
      fresh.push_back(std::move(source));
  }
  return fresh;
}

} // namespace

int up(const context& c, const up_options& options) {
  if (c.remote())
    return usage("up: a node is started on its own machine, so --socket has to be a path");
  auto file = absolute_file(options.file);
  auto loaded = load_file(file);
  print_config_errors(loaded.errors);
  if (!loaded.ok())
    return usage_error;
  const auto& settings = loaded.value.node;
  context mine = c;
  mine.node = settings.name;
  auto socket = absolute_file(mine.socket());
  mine.socket_option = socket;
  // One that is just ending (its keeper was killed) is waited for, a moment: taking the lock and letting go does that.
  if (auto ours = node_lock::acquire(settings.name, socket); !ours && code_of(ours.error()) == errc::already_exists) {
    auto holder = node_lock::holder(socket);
    print_error(fmt::format(
      "cannot start node '{}': a node named '{}' already runs (pid {}) on {}; stop it with 'duende down'",
      settings.name, settings.name, holder, socket));
    return failed;
  }
  int signals = signal_descriptor();
  auto state_dir = settings.state_dir.empty() ? default_state_dir(settings.name) : settings.state_dir;

  view_options view{.colored = use_color(c)};
  std::optional<follow_session> session;
  std::vector<api::log_source> fresh;
  if (!options.detach) {
    session.emplace(mine, follow_options{.view = view, .show_events = !c.quiet});
    fresh = follow_existing(*session, loaded.value, state_dir);
  }
  auto keeper = start_keeper({file, socket, state_dir, options.end_orphans, options.detach});
  if (!keeper)
    return report(fmt::format("cannot start node '{}'", settings.name), keeper.error());
  foreground node{mine, *keeper, settings.name};
  node.signals = signals;
  std::thread printer;
  if (session)
    printer = std::thread{[&] {
      [[maybe_unused]] int priority = ::nice(5); // of this thread: what is shown is not on the way of what starts
      for (auto& source : fresh)
        session->add(std::move(source), std::nullopt);
      session->run();
    }};
  auto finish = [&](int code) {
    if (printer.joinable()) {
      session->stop();
      printer.join();
    }
    return code;
  };
  auto started = node.wait_ready();
  if (!started.ready)
    return finish(explain_failure(node, started, settings.name));
  if (options.detach) {
    note(c, fmt::format("node '{}' runs: pid {}, socket {}", settings.name, keeper->pid, socket));
    return done;
  }
  session->connect();
  return finish(node.wait_end(*session));
}

} // namespace duende::cli
