// duended: the node. Started (and started again) by duende-keeper; everything it decides is in actors/.
#include "actors/api/node_lock.hpp"
#include "actors/api/server.hpp"
#include "actors/api/tls.hpp"
#include "actors/node_host.hpp"
#include "apps/duended/options.hpp"
#include "core/config/load.hpp"
#include "core/paths.hpp"

#include <fmt/format.h>

#include <malloc.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

extern char** environ;

namespace {

using namespace duende;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

/// Tells whoever waits for the node (duende up) how its start went.
void report(const node_options& options, const std::string& text) {
  if (options.ready_fd >= 0) {
    auto line = text + "\n";
    [[maybe_unused]] auto written = ::write(options.ready_fd, line.data(), line.size());
    ::close(options.ready_fd);
  }
}

int refuse(const node_options& options, const std::string& text, int code) {
  std::fprintf(stderr, "duended: %s\n", text.c_str());
  report(options, text);
  return code;
}

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

std::string all_errors(const load_result& loaded) {
  std::string text;
  for (auto& each : loaded.errors)
    text += (text.empty() ? "" : "\n") + to_string(each);
  return text;
}

/// The signals that mean something to a node, as a descriptor.
int signals_fd() {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE})
    sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, nullptr); // before any thread exists: they inherit it
  sigdelset(&set, SIGPIPE);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void say_warning(const api_server& api) {
  if (auto text = api.warning(); !text.empty())
    std::fprintf(stderr, "duended: %s\n", text.c_str());
}

/// After a crash or an upgrade daemons run already: then the node goes on without its TCP listener rather than not at all.
caf::expected<std::unique_ptr<api_server>>
open_api(control& controls, const std::string& socket, const node_spec& settings, bool must_listen) {
  auto api = api_server::start(controls, {socket, settings.api, settings.metrics, settings.tls, settings.tokens});
  if (api || must_listen || settings.api.empty())
    return api;
  auto why = sentence(api.error());
  api = api_server::start(controls, {socket, "", settings.metrics});
  if (api)
    std::fprintf(
      stderr, "duended: the API is on its unix socket only: %s; once that is mended: duende upgrade\n", why.c_str());
  return api;
}

/// SIGHUP: the file is read again and what changed is applied; certificate and tokens are taken anew.
void reload(control& controls, api_server& api, const std::string& file) {
  auto loaded = load_file(file);
  if (!loaded.ok()) {
    std::fprintf(stderr, "duended: configuration not applied:\n%s\n", all_errors(loaded).c_str());
    return;
  }
  const auto& node = loaded.value.node;
  if (auto renewed = api.renew(node.tls, node.tokens); !renewed)
    std::fprintf(stderr, "duended: certificate and tokens stay as they are: %s\n", sentence(renewed.error()).c_str());
  say_warning(api);
  if (auto applied = controls.apply(std::move(loaded.value), false); !applied)
    std::fprintf(stderr, "duended: configuration not applied: %s\n", sentence(applied.error()).c_str());
}

/// Sleeps until the node has ended; passes signals on meanwhile.
void serve(node_host& host, api_server& api, const node_options& options, int signals) {
  int ended = eventfd(0, EFD_CLOEXEC);
  host.on_end([ended] { eventfd_write(ended, 1); });
  pollfd waiting[] = {{signals, POLLIN, 0}, {ended, POLLIN, 0}};
  while ((waiting[1].revents & POLLIN) == 0) {
    if (poll(waiting, 2, -1) < 0)
      continue;
    signalfd_siginfo info{};
    while (::read(signals, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGHUP)
        reload(host.controls(), api, options.config_file);
      else
        host.controls().shutdown();
    }
  }
  host.on_end({});
  ::close(ended);
}

} // namespace

int main(int argc, char** argv) {
  prctl(PR_SET_NAME, "duended"); // started by a descriptor it would be called by that's number
  mallopt(M_ARENA_MAX, 2);       // a node has few busy threads; arenas cost memory for each
  int signals = signals_fd();
  auto options = parse_node_options(argc, argv);
  if (!options)
    return refuse({}, sentence(options.error()), exit_usage);
  if (options->version) {
    std::printf("duended %s\n", DUENDE_VERSION);
    return 0;
  }
  raise_file_limit();
  auto loaded = load_file(options->config_file);
  if (!loaded.ok() && options->generation == 1)
    return refuse(*options, all_errors(loaded), exit_usage);
  auto settings = loaded.value.node;           // the stack itself is moved into the node
  if (!loaded.ok() && !settings.api.empty()) { // tokens may be among what could not be read
    std::fprintf(
      stderr, "duended: the API is on its unix socket only: the configuration has errors\n%s\n",
      all_errors(loaded).c_str());
    settings.api.clear();
  }

  host_options how;
  how.name = settings.name;
  how.state_dir = !options->state_dir.empty()  ? options->state_dir
                  : settings.state_dir.empty() ? default_state_dir(settings.name)
                                               : settings.state_dir;
  auto socket_path = options->socket_path.empty() ? default_socket(settings.name) : options->socket_path;
  how.run_dir = socket_path.substr(0, socket_path.rfind('/'));
  how.metrics = settings.metrics;
  how.keeper_fd = options->keeper_fd;
  how.on_reactor = true; // hops between threads would be most of what a restart costs
  how.adopt_orphans = options->adopt_orphans;
  how.upgraded = options->upgraded;
  how.upgrade_failure = options->upgrade_failure;
  for (char** each = environ; *each; ++each)
    how.environment.emplace_back(*each);

  auto lock = node_lock::acquire(how.name, socket_path);
  if (!lock)
    return refuse(*options, sentence(lock.error()), exit_failed);
  auto source = [&](std::uint32_t generation, const std::string& stored) -> caf::expected<stack> {
    if (generation > 1 && !stored.empty()) { // what ran goes on, whatever became of the file
      auto resumed = load_text(stored, config_format::json, "stored stack", "/");
      if (resumed.ok())
        return std::move(resumed.value);
    }
    if (!loaded.ok())
      return make_error(errc::invalid_config, all_errors(loaded));
    return std::move(loaded.value);
  };
  if (options->generation == 1 && !settings.api.empty() && !settings.tls.certificate.empty()) // before any daemon runs
    if (auto identity = api::tls_identity::load(settings.tls, wall_now()); !identity)
      return refuse(*options, sentence(identity.error()), exit_failed);
  auto host = node_host::start(how, source);
  if (!host)
    return refuse(*options, sentence(host.error()), exit_failed);
  auto api = open_api((*host)->controls(), socket_path, settings, options->generation == 1);
  if (!api) {
    const int code = refuse(*options, sentence(api.error()), exit_failed);
    if (
      options->generation > 1) { // what runs is not to be ended for that: another start, or the program before this one
      (*host)->leave();
      _exit(code);
    }
    return code;
  }
  say_warning(**api);
  loaded = {};
  report(*options, "ready");
  (*host)->healthy();
  serve(**host, **api, *options, signals);

  auto trouble = (*host)->trouble();
  api->reset();
  if ((*host)->leaving()) { // the keeper starts what takes our place; nothing here is to be ended
    (*host)->leave();
    _exit(0);
  }
  if (!trouble.empty()) { // nothing can be stopped any more; the next start finds what runs
    std::fprintf(stderr, "duended: %s\n", trouble.c_str());
    std::fflush(nullptr);
    _exit(exit_failed);
  }
  (*host)->finish(0);
  host->reset();
  return 0;
}
