#include "actors/runtime.hpp"

#include "actors/api/node_lock.hpp"
#include "actors/api/server.hpp"
#include "actors/node_host.hpp"
#include "actors/trace_scope.hpp"
#include "core/config/load.hpp"
#include "core/paths.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <nlohmann/json.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <optional>

extern char** environ;

namespace duende {

struct runtime::impl {
  caf::error error;
  int signals = -1;
  std::optional<node_lock> lock;
  std::unique_ptr<node_host> host;
  std::unique_ptr<api_server> api;

  ~impl() {
    api.reset();
    host.reset();
    if (signals >= 0)
      ::close(signals);
  }

  caf::error begin(const runtime_options& options);

  template <class Result, class... Ts>
  caf::expected<Result> ask(Ts&&... message) {
    if (error)
      return error;
    caf::expected<Result> answer = make_error(errc::internal, "no answer");
    caf::scoped_actor self{host->system()};
    self->request(host->node_handle(), std::chrono::seconds{10}, std::forward<Ts>(message)...)
      .receive([&](Result& result) { answer = std::move(result); }, [&](caf::error& e) { answer = std::move(e); });
    return answer;
  }
};

caf::error runtime::impl::begin(const runtime_options& options) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  sigdelset(&set, SIGPIPE);
  signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  auto socket = options.socket.empty() ? default_socket(options.name) : options.socket;
  bool serves = socket != "none";
  if (serves) {
    auto taken = node_lock::acquire(options.name, socket);
    if (!taken)
      return taken.error();
    lock.emplace(std::move(*taken));
  }
  host_options how;
  how.name = options.name;
  how.state_dir = options.state_dir;
  how.run_dir = serves ? socket.substr(0, socket.rfind('/')) : default_run_dir(options.name);
  how.metrics = options.metrics;
  how.threads = options.threads;
  how.otlp = options.otlp;
  for (char** each = environ; *each; ++each)
    how.environment.emplace_back(*each);
  stack nothing_yet;
  nothing_yet.node.name = options.name;
  auto started = node_host::start(how, std::move(nothing_yet));
  if (!started)
    return started.error();
  host = std::move(*started);
  host->healthy();
  if (!serves && options.metrics.empty())
    return {};
  auto serving = api_server::start(
    host->controls(),
    {.socket_path = serves ? socket : "", .metrics_address = options.metrics, .exports = host->exports()});
  if (!serving)
    return serving.error();
  api = std::move(*serving);
  return {};
}

runtime::runtime(runtime_options options) : impl_(std::make_unique<impl>()) { impl_->error = impl_->begin(options); }

runtime::~runtime() = default;

const caf::error& runtime::error() const { return impl_->error; }

control* runtime::controls() { return impl_->error ? nullptr : &impl_->host->controls(); }

supervisor_ref runtime::supervisor(const std::string& name, supervisor_options options) {
  supervisor_spec spec{name, options.parent, options.strategy, options.intensity};
  if (auto made = impl_->ask<std::string>(add_atom::value, std::move(spec)); !made)
    std::fprintf(stderr, "duende: supervisor '%s': %s\n", name.c_str(), sentence(made.error()).c_str());
  return {*this, name};
}

int runtime::run_until_signal() {
  auto& own = *impl_;
  if (own.error) {
    std::fprintf(stderr, "duende: %s\n", sentence(own.error).c_str());
    return 1;
  }
  int ended = eventfd(0, EFD_CLOEXEC);
  own.host->on_end([ended] { eventfd_write(ended, 1); });
  pollfd waiting[] = {{own.signals, POLLIN, 0}, {ended, POLLIN, 0}};
  while ((waiting[1].revents & POLLIN) == 0) {
    if (poll(waiting, 2, -1) < 0)
      continue;
    signalfd_siginfo info{};
    while (::read(own.signals, &info, sizeof info) == sizeof info)
      own.host->controls().shutdown();
  }
  own.host->on_end({});
  ::close(ended);
  auto trouble = own.host->trouble();
  if (!trouble.empty())
    std::fprintf(stderr, "duende: %s\n", trouble.c_str());
  return trouble.empty() ? 0 : 1;
}

supervisor_ref::supervisor_ref(runtime& of, std::string name)
  : runtime_(&of), name_(std::move(name)), inbox_(std::make_shared<actor_inbox>()) {}

supervisor_ref runtime::root() { return {*this, "root"}; }

caf::expected<daemon_status> supervisor_ref::spawn(daemon_spec process) {
  char here[PATH_MAX];
  std::string folder = getcwd(here, sizeof here) ? here : "/";
  process.working_dir = process.working_dir.empty() ? folder : absolute_path(folder, process.working_dir);
  if (process.binary_path.find('/') != std::string::npos)
    process.binary_path = absolute_path(folder, process.binary_path);
  process.supervisor = name_;
  auto checked = load_daemon_json(to_json(process).dump(), folder); // the same rules as for a file
  if (!checked.ok())
    return make_error(errc::invalid_config, checked.errors.front().message);
  auto order = std::make_shared<child_order>();
  order->seed.name = process.name;
  order->seed.id = uuid::random();
  order->seed.desired = process.autostart ? desired_state::up : desired_state::down;
  order->seed.spec = std::make_shared<const daemon_spec>(std::move(checked.value.daemons.front()));
  return runtime_->impl_->ask<daemon_status>(add_atom::value, name_, std::move(order));
}

caf::expected<daemon_status> supervisor_ref::spawn_thread(
  const std::string& name, spawn_options options, std::function<std::unique_ptr<daemon>()> make) {
  auto spec = std::make_shared<daemon_spec>();
  spec->name = name;
  spec->supervisor = name_;
  spec->restart = std::move(options.restart);
  spec->shutdown_timeout = options.shutdown_timeout;
  spec->env = std::move(options.env);
  spec->depends_on = std::move(options.depends_on);
  spec->version = std::move(options.version);
  spec->description = std::move(options.description);
  spec->autostart = options.autostart;
  if (options.health && (options.health->type == health_type::notify || options.health->type == health_type::exec))
    return fail(errc::invalid_config, "'{}': health checks of type notify and exec are for processes", name);
  if (options.health)
    spec->health.obtain() = *options.health;
  if (options.breaker)
    spec->breaker.obtain() = *options.breaker;
  if (options.stop_on_first)
    spec->jidoka.obtain().stop_on_first = true;
  auto order = std::make_shared<child_order>();
  order->seed.kind = child_kind::thread;
  order->seed.name = name;
  order->seed.id = uuid::random();
  order->seed.desired = spec->autostart ? desired_state::up : desired_state::down;
  order->seed.spec = std::move(spec);
  order->seed.make_daemon = std::move(make);
  order->trace = current_trace();
  return runtime_->impl_->ask<daemon_status>(add_atom::value, name_, std::move(order));
}

caf::expected<void> supervisor_ref::spawn_actor(std::string name, behavior_factory make) {
  auto& own = *runtime_->impl_;
  if (own.error)
    return own.error;
  if (name.empty() || !make)
    return make_error(errc::invalid_config, "an actor needs a name and a behaviour");
  auto put = inbox_->put({std::move(name), std::move(make)}, 10s);
  if (put == actor_inbox::outcome::full)
    return fail(errc::limit_reached, "supervisor '{}' has {} starts waiting", name_, actor_inbox::most);
  if (put == actor_inbox::outcome::first)
    caf::anon_send(own.host->node_handle(), add_atom::value, name_, inbox_);
  return caf::unit;
}

} // namespace duende
