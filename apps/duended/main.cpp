// duended: the node. Started (and started again) by duende-keeper; everything it decides is in actors/.
#include "actors/api/node_lock.hpp"
#include "actors/api/server.hpp"
#include "actors/api/tls.hpp"
#include "actors/node_host.hpp"
#include "apps/duended/certificate_watch.hpp"
#include "apps/duended/options.hpp"
#include "apps/duended/reload.hpp"
#include "apps/duended/settings.hpp"
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

/// After a crash or an upgrade daemons run already: then the node goes on without its TCP listeners rather than not at all. But a
/// new program that can't have the port of the metrics has not proved itself: the one before it comes back.
caf::expected<std::unique_ptr<api_server>>
open_api(node_host& host, const std::string& socket, const node_spec& settings, const node_options& options) {
  auto& controls = host.controls();
  api_options wanted{socket, settings.api, settings.metrics, settings.tls, settings.tokens};
  wanted.exports = host.exports();
  auto api = api_server::start(controls, wanted);
  if (api || options.generation == 1)
    return api;
  auto why = sentence(api.error());
  auto left_out = "the API is on its unix socket only";
  if (!settings.api.empty())
    api = api_server::start(
      controls, {.socket_path = socket, .metrics_address = settings.metrics, .exports = wanted.exports});
  if (!api && !options.upgraded && !settings.metrics.empty()) {
    left_out = settings.api.empty() ? "there are no metrics" : "the API is on its unix socket only, without metrics";
    api = api_server::start(controls, {.socket_path = socket, .exports = wanted.exports});
  }
  if (api)
    std::fprintf(stderr, "duended: %s: %s; once that is mended: duende upgrade\n", left_out, why.c_str());
  return api;
}

/// Sleeps until the node has ended; passes signals on meanwhile.
void serve(node_host& host, api_server& api, reloader& reloads, int signals) {
  int ended = eventfd(0, EFD_CLOEXEC);
  host.on_end([ended] { eventfd_write(ended, 1); });
  certificate_watch certificate{host, api};
  pollfd waiting[] = {{signals, POLLIN, 0}, {ended, POLLIN, 0}, {certificate.fd(), POLLIN, 0}};
  while ((waiting[1].revents & POLLIN) == 0) {
    if (poll(waiting, 3, -1) < 0)
      continue;
    if (waiting[2].revents != 0)
      certificate.look();
    signalfd_siginfo info{};
    while (::read(signals, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGHUP) {
        reloads.reload(api);
        certificate.look();
      } else
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
  auto decided = decide_settings(*options, loaded);
  if (!decided)
    return refuse(*options, sentence(decided.error()), exit_usage);
  const auto& settings = decided->node;
  if (!loaded.ok())
    std::fprintf(
      stderr, "duended: the configuration has errors; the node goes on with what ran before\n%s\n",
      all_errors(loaded).c_str());

  host_options how;
  how.name = settings.name;
  how.state_dir = decided->state_dir;
  auto socket_path = options->socket_path.empty() ? default_socket(settings.name) : options->socket_path;
  how.run_dir = socket_path.substr(0, socket_path.rfind('/'));
  how.metrics = settings.metrics;
  how.sample_interval = settings.sample_interval;
  how.sample_history = settings.sample_history;
  how.otlp = decided->otlp;
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
  if (options->generation == 1 && !settings.api.empty() && !settings.tls.certificate.empty()) // before any daemon runs
    if (auto identity = api::tls_identity::load(settings.tls, wall_now()); !identity)
      return refuse(*options, sentence(identity.error()), exit_failed);
  auto host = node_host::start(how, std::move(decided->resumed ? *decided->resumed : loaded.value));
  if (!host)
    return refuse(*options, sentence(host.error()), exit_failed);
  auto api = open_api(**host, socket_path, settings, *options);
  if (!api) {
    const int code = refuse(*options, sentence(api.error()), exit_failed);
    if (
      options->generation > 1) { // what runs is not to be ended for that: another start, or the program before this one
      (*host)->leave();
      _exit(code);
    }
    return code;
  }
  loaded = {};
  decided->resumed.reset();
  report(*options, "ready");
  (*host)->healthy();
  auto reloads = std::make_unique<reloader>((*host)->controls(), options->config_file);
  serve(**host, **api, *reloads, signals);

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
  reloads.reset();
  (*host)->finish(0);
  host->reset();
  return 0;
}
