#include "actors/api/server.hpp"

#include "actors/api/detached_thread.hpp"
#include "actors/api/event_hub.hpp"
#include "actors/api/exchange.hpp"
#include "actors/api/listener.hpp"
#include "actors/api/tls.hpp"
#include "actors/api/tokens.hpp"
#include "actors/api/wake_fd.hpp"
#include "monitors/history/give_back.hpp"

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <vector>

#include <fcntl.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace duende {
namespace {

constexpr std::size_t big_response = 64 * 1024;

constexpr std::size_t max_scrapers = 64;

} // namespace

struct api_server::impl {
  struct listener {
    int fd = -1;
    api::api_context context;
    std::size_t limit = 0; ///< of connections: who fills one listener leaves the others alone
    std::uint16_t port = 0;
    bool tcp = false, loopback = true, tls = false;
    std::shared_ptr<const api::tls_identity> identity{}; ///< null: plain
    std::size_t connections = 0;
  };

  impl(control& node, api_options wanted) : options(std::move(wanted)), hub(node, stop.fd()) {}
  ~impl();

  void accept_loop();
  void accept_one(listener& from);
  void start_thread(listener& from, int fd);
  /// A place among the listener's connections, given back with the last copy. Null where there is none.
  std::shared_ptr<void> take_place(listener& from);
  void leave(std::size_t sent);
  /// Null: no TLS. Under the mutex.
  const api::tls_identity* identity() const;
  caf::expected<void> open_api(control& node);

  api_options options;
  std::vector<listener> listeners; ///< complete before the first thread
  api::token_gate gate;
  bool owns_socket = false;
  api::wake_fd stop;
  int reserve = open("/dev/null", O_RDONLY | O_CLOEXEC); ///< given up to be able to answer when descriptors run out
  mutable std::mutex mutex;
  std::condition_variable left;
  std::size_t threads = 0;     ///< of connections, and the accepting one
  std::size_t connections = 0; ///< some without a thread of their own
  api::event_hub hub;          ///< the last to come, the first to go: it holds connections
};

namespace {

template <class State>
struct connection_task {
  State* server;
  const api::api_context* context;
  std::shared_ptr<const api::tls_identity> identity;
  std::unique_ptr<api::connection> peer;
};

} // namespace

api_server::impl::~impl() {
  stop.raise();
  {
    std::unique_lock lock{mutex};
    left.wait(lock, [this] { return threads == 0 && connections == 0; });
  }
  for (const auto& x : listeners)
    close(x.fd);
  if (reserve >= 0)
    close(reserve);
  if (owns_socket)
    unlink(options.socket_path.c_str());
}

/// The last thing a thread does with the server. Notified under the lock: the server may be gone right after it.
void api_server::impl::leave(std::size_t sent) {
  if (sent > big_response)
    give_back_memory(); // a list of 1,000 daemons must not stay in the node's memory for ever
  std::lock_guard lock{mutex};
  --threads;
  left.notify_all();
}

const api::tls_identity* api_server::impl::identity() const {
  for (const auto& x : listeners)
    if (x.identity)
      return x.identity.get();
  return nullptr;
}

void api_server::impl::accept_loop() {
  std::vector<pollfd> fds{{stop.fd(), POLLIN, 0}};
  for (const auto& x : listeners)
    fds.push_back({x.fd, POLLIN, 0});
  while (true) {
    if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
      break;
    if (fds[0].revents != 0)
      break;
    for (std::size_t i = 0; i < listeners.size(); ++i)
      if (fds[i + 1].revents != 0)
        accept_one(listeners[i]);
  }
}

void api_server::impl::accept_one(listener& from) {
  int fd = accept4(from.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
    if (!exhausted)
      return;
    if (reserve >= 0)
      close(reserve);
    int refused = accept4(from.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (refused >= 0)
      api::turn_away(refused);
    reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pollfd stopping{stop.fd(), POLLIN, 0};
    if (refused < 0) // somebody else took it: the connection stays pending, so pause instead of spinning
      poll(&stopping, 1, 100);
    return;
  }
  if (from.tcp)
    api::prepare_peer(fd);
  else if (!api::is_own_peer(fd))
    return api::turn_stranger_away(fd);
  start_thread(from, fd);
}

std::shared_ptr<void> api_server::impl::take_place(listener& from) {
  std::lock_guard lock{mutex};
  if (from.connections >= from.limit)
    return nullptr;
  ++from.connections;
  ++connections;
  return {&from, [this](void* which) {
            std::lock_guard again{mutex};
            --static_cast<listener*>(which)->connections;
            --connections;
            left.notify_all();
          }};
}

void api_server::impl::start_thread(listener& from, int fd) {
  auto refuse = [&] {
    if (from.tls) // nothing can be said before a handshake
      close(fd);
    else
      api::turn_away(fd);
  };
  auto place = take_place(from);
  if (!place)
    return refuse();
  std::unique_ptr<connection_task<impl>> task;
  {
    std::lock_guard lock{mutex};
    ++threads;
    task.reset(new connection_task<impl>{this, &from.context, from.identity, nullptr});
  }
  task->peer = std::make_unique<api::connection>(fd, stop.fd(), std::move(place));
  auto run = [](void* argument) -> void* {
    std::unique_ptr<connection_task<impl>> mine{static_cast<connection_task<impl>*>(argument)};
    std::size_t sent = 0;
    try {
      sent = api::serve(mine->peer, *mine->context, mine->identity.get());
    } catch (const std::exception&) { // out of memory: this connection ends, the node does not
    }
    auto* server = mine->server;
    mine.reset();
    server->leave(sent);
    return nullptr;
  };
  if (api::start_detached(run, task.get())) {
    static_cast<void>(task.release()); // the thread's now
    return;
  }
  task.reset();
  leave(0);
}

caf::expected<void> api_server::impl::open_api(control& node) {
  const auto& wanted = options.tls;
  if (!wanted.certificate.empty() || !wanted.key.empty() || !wanted.client_ca.empty()) {
    auto loaded = api::tls_identity::load(wanted, wall_now());
    if (!loaded)
      return loaded.error();
    if (auto set = gate.set(options.tokens); !set)
      return set.error();
    auto opened = api::listen_tcp(options.tcp_address, options.tokens.empty());
    if (!opened)
      return opened.error();
    listeners.push_back(
      {opened->fd,
       {node, false, true, false, &gate, &hub, options.exports},
       options.max_connections,
       opened->port,
       true,
       opened->loopback,
       true,
       std::move(*loaded)});
    return {};
  }
  if (auto set = gate.set(options.tokens); !set)
    return set.error();
  auto opened = api::listen_tcp(options.tcp_address, true);
  if (!opened)
    return opened.error();
  listeners.push_back(
    {opened->fd, {node, false, true, true, &gate, &hub, options.exports}, options.max_connections, opened->port, true});
  return {};
}

caf::expected<std::unique_ptr<api_server>> api_server::start(control& node, api_options options) {
  auto state = std::make_unique<impl>(node, std::move(options));
  const auto& wanted = state->options;
  if (state->stop.fd() < 0)
    return errno_error(errc::io_failure, errno, "cannot create an eventfd");
  if (!wanted.socket_path.empty()) {
    auto fd = api::listen_unix(wanted.socket_path);
    if (!fd)
      return fd.error();
    state->owns_socket = true;
    state->listeners.push_back(
      {*fd, {node, false, false, false, nullptr, &state->hub, wanted.exports}, wanted.max_connections});
  }
  if (!wanted.tcp_address.empty())
    if (auto opened = state->open_api(node); !opened)
      return opened.error();
  if (!wanted.metrics_address.empty()) {
    auto opened = api::listen_tcp(wanted.metrics_address, false);
    if (!opened)
      return opened.error();
    state->listeners.push_back(
      {opened->fd, {node, true, opened->loopback, true}, max_scrapers, opened->port, true, opened->loopback});
  }
  ++state->threads;
  auto run = [](void* argument) -> void* {
    auto* server = static_cast<impl*>(argument);
    server->accept_loop();
    server->leave(0);
    return nullptr;
  };
  if (!api::start_detached(run, state.get())) {
    --state->threads;
    return fail(errc::io_failure, "cannot start the thread of the API");
  }
  return std::unique_ptr<api_server>{new api_server{std::move(state)}};
}

api_server::api_server(std::unique_ptr<impl> state) : impl_(std::move(state)) {}
api_server::~api_server() = default;

caf::expected<void> api_server::renew(const tls_spec& tls, const std::vector<token_spec>& tokens) {
  auto& own = *impl_;
  for (auto& x : own.listeners) {
    if (!x.tcp || x.context.only_metrics)
      continue;
    if (x.tls == tls.certificate.empty())
      return fail(errc::invalid_config, "TLS of 'node.api' begins or ends with a new start of the node only");
    if (!x.loopback && tokens.empty())
      return fail(errc::invalid_config, "'node.api' is not on loopback and would be left without a token");
    std::shared_ptr<const api::tls_identity> identity;
    if (x.tls) {
      auto loaded = api::tls_identity::load(tls, wall_now());
      if (!loaded)
        return loaded.error();
      identity = std::move(*loaded);
    }
    if (auto set = own.gate.set(tokens); !set)
      return set.error();
    std::lock_guard lock{own.mutex};
    x.identity = std::move(identity);
  }
  return {};
}

std::string api_server::warning() const {
  std::lock_guard lock{impl_->mutex};
  const auto* identity = impl_->identity();
  return identity ? identity->warning(wall_now()) : std::string{};
}

std::optional<wall_time> api_server::look_again() const {
  std::lock_guard lock{impl_->mutex};
  const auto* identity = impl_->identity();
  return identity ? std::optional{identity->look_again(wall_now())} : std::nullopt;
}

std::uint16_t api_server::tcp_port() const {
  for (const auto& x : impl_->listeners)
    if (x.tcp && !x.context.only_metrics)
      return x.port;
  return 0;
}

std::uint16_t api_server::metrics_port() const {
  for (const auto& x : impl_->listeners)
    if (x.context.only_metrics)
      return x.port;
  return 0;
}

} // namespace duende
