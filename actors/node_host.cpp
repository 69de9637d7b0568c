#include "actors/node_host.hpp"

#include "actors/accounts.hpp"
#include "actors/exporter.hpp"
#include "actors/host_control.hpp"
#include "actors/observer.hpp"
#include "actors/quiet_coordinator.hpp"
#include "actors/reactor_coordinator.hpp"
#include "actors/tracer.hpp"
#include "backends/native/backend.hpp"
#include "backends/native/cgroups.hpp"
#include "core/config/load.hpp"
#include "core/paths.hpp"
#include "core/units.hpp"
#include "core/wall_timer.hpp"
#include "monitors/files/file_watch.hpp"

#include <caf/send.hpp>

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <thread>

namespace duende {

node_host::node_host(host_options options) : options_(std::move(options)), started_at_(wall_now()) {
  auto threads =
    options_.threads != 0 ? options_.threads : std::max<std::size_t>(std::thread::hardware_concurrency(), 1);
  config_.set("scheduler.max-threads", threads); // CAF's own default is four at the least
  config_.add_error_category(caf::atom("duende"), [](std::uint8_t code, caf::atom_value, const caf::message& context) {
    if (context.size() > 0 && context.match_element<std::string>(0))
      return context.get_as<std::string>(0);
    return to_string(static_cast<errc>(code));
  });
}

caf::expected<std::unique_ptr<node_host>> node_host::start(host_options options, stack wanted) {
  std::unique_ptr<node_host> host{new node_host{std::move(options)}};
  if (auto error = host->begin(std::move(wanted)))
    return error;
  return host;
}

caf::error node_host::open_history() {
  history_options settings;
  settings.node = options_.name;
  settings.on_trouble = [](const std::string& text) { std::fprintf(stderr, "duended: %s\n", text.c_str()); };
  std::string path;
  if (!options_.state_dir.empty()) {
    std::error_code error;
    std::filesystem::create_directories(options_.state_dir, error);
    if (error)
      return fail(errc::io_failure, "cannot create state_dir '{}': {}", options_.state_dir, error.message());
    path = options_.state_dir + "/duende.db";
  }
  auto opened = history::open(path, std::move(settings));
  if (!opened)
    return opened.error();
  store_ = std::move(*opened);
  return {};
}

namespace {

/// A collector that does not answer does not hold up the end of a node.
constexpr duration last_export_time = 2s;

/// The dead node was stopping everything: nothing starts again, what lives is stopped.
void stop_all(supervisor_seed& seed) {
  seed.stopping = true;
  for (auto& c : seed.children)
    if (c.supervisor)
      stop_all(*c.supervisor);
}

} // namespace

caf::error node_host::begin(stack wanted) {
  try {
    io_ = std::make_unique<reactor>();
    clock_ = std::make_unique<wall_timers>(*io_);
    files_ = std::make_unique<file_watch>(options_.state_dir);
    users_ = std::make_unique<accounts>();
    groups_ = std::make_unique<cgroups>(options_.name);
  } catch (const std::system_error& error) {
    return fail(errc::io_failure, "cannot start the reactor: {}", error.what());
  }
  if (auto error = open_history())
    return error;
  auto stored = store_->load();
  side_ = std::make_unique<channels>(*io_, [this](const std::string& name, const std::string& text) {
    if (services_)
      services_->record({.kind = event_kind::limit, .daemon = name, .text = name + ": " + text});
  });
  std::vector<held_child> held;
  std::uint32_t generation = 1;
  if (options_.keeper_fd >= 0) {
    auto link = connect();
    if (!link)
      return link.error();
    held = link_->list();
    generation = link_->generation();
  }
  log_capture::config logging;
  if (link_) {
    logging.stage_read_fd = link_->stage_read_fd();
    logging.stage_write_fd = link_->stage_write_fd();
    logging.journal_path = options_.state_dir + "/logs.journal";
  }
  if (options_.on_reactor)
    use_reactor(config_, *io_);
  else
    use_quiet_clock(config_); // and work sharing: CAF's default polls
  system_ = std::make_unique<caf::actor_system>(config_);
  begin_export(logging);
  logging.on_error = [this](const std::string& name, const std::string& text) {
    if (services_)
      services_->record({.kind = event_kind::limit, .daemon = name, .text = name + ": " + text});
  };
  logs_ = std::make_unique<log_capture>(std::move(logging));
  if (!options_.state_dir.empty())
    crashes_ = std::make_unique<crash_store>(options_.state_dir + "/crashes", [this](std::string text) {
      store_->record({.kind = event_kind::limit, .text = std::move(text)});
    });
  native_ = system_->spawn(native_backend, link_source{[this] { return connect(); }});
  observer_ = std::make_unique<process_observer>(
    *system_, process_observer::settings{options_.sample_interval, options_.sample_history},
    [io = io_.get()](duration delay, std::function<void()> fn) { io->after(delay, std::move(fn)); });
  tracer_ = std::make_unique<process_tracer>(*system_);
  auto shared = std::make_shared<services>();
  shared->node = options_.name;
  shared->state_dir = options_.state_dir.empty() ? options_.run_dir : options_.state_dir;
  shared->run_dir = options_.run_dir;
  shared->environment = options_.environment;
  shared->io = io_.get();
  shared->store = store_.get();
  shared->logs = logs_.get();
  shared->side = side_.get();
  shared->crashes = crashes_.get();
  shared->clock = clock_.get();
  shared->files = files_.get();
  shared->observer = observer_.get();
  shared->exports = exporter_.get();
  shared->begun = begin_trace(generation);
  shared->otlp = &options_.otlp;
  shared->users = users_.get();
  shared->groups = groups_.get();
  shared->native = native_;
  services_ = shared;
  if (link_)
    link_->start();
  if (generation == 1 && link_) {
    auto adopted = settle_orphans(stored, wanted);
    if (!adopted)
      return adopted.error();
    held.insert(held.end(), std::make_move_iterator(adopted->begin()), std::make_move_iterator(adopted->end()));
  }
  record_start(generation);
  bool resumes = generation > 1;
  auto stopping_mark = options_.state_dir + "/stopping";
  bool was_stopping = resumes && ::access(stopping_mark.c_str(), F_OK) == 0;
  if (!was_stopping)
    ::unlink(stopping_mark.c_str());
  if (!resumes) // a fresh start follows the configuration, but daemons keep their identity
    for (auto& row : stored.children) {
      auto record = std::move(row.record);
      row = child_row{row.id, row.name, row.supervisor};
      row.record = std::move(record); // runs that were missed
      row.desired.reset();
    }
  auto begun_with = wanted;
  auto seed = make_seed(std::move(wanted), std::move(stored), std::move(held));
  if (was_stopping)
    stop_all(*seed->root);
  node_ = caf::actor_cast<node_actor>(system_->spawn<node>(services_, seed));
  if (was_stopping)
    caf::anon_send(node_, shutdown_atom::value);
  node_->attach_functor([this](const caf::error& why) {
    ended(why ? "the node failed: " + to_string(end_of(why, monotonic_now()).reason) : std::string{});
  });
  // Beside the first starts: a large stack takes its time. Until it is stored the file on disk says the same.
  store_->put_stack_later(
    [begun_with = std::move(begun_with), otlp = options_.otlp] { return stack_to_json(begun_with, otlp); });
  control_ = std::make_unique<host_control>(*this);
  begin_collecting();
  return {};
}

void node_host::ended(std::string why) {
  std::function<void()> tell;
  {
    std::lock_guard lock{mutex_};
    if (trouble_.empty())
      trouble_ = std::move(why);
    if (std::exchange(has_ended_, true))
      return;
    tell = on_end_;
  }
  if (tell)
    tell();
}

void node_host::on_end(std::function<void()> fn) {
  {
    std::lock_guard lock{mutex_};
    on_end_ = fn;
    if (!has_ended_ || !fn)
      return;
  }
  fn();
}

std::string node_host::trouble() const {
  std::lock_guard lock{mutex_};
  return trouble_;
}

control& node_host::controls() { return *control_; }

void node_host::finish(int code) {
  if (auto to = link())
    to->finish(code);
}

node_host::~node_host() {
  if (system_) {
    if (node_)
      begin_stop();
    if (exporter_)
      exporter_->stop_collecting();
    control_.reset();
    observer_->stop();
    tracer_->stop();
    node_ = nullptr;
    if (native_) // the last to go: the incarnations need it to stop
      while (system_->registry().running() > 1 && trouble().empty())
        system_->registry().await_running_count_equal(1);
    if (exporter_)
      exporter_->finish(last_export_time);
    if (auto last = link()) // its calls use what goes now
      last->silence();
    caf::anon_send_exit(native_, caf::exit_reason::user_shutdown);
    native_ = nullptr;
    services_.reset();
  }
  users_.reset();
  if (groups_ && has_ended_)
    groups_->clear();
  groups_.reset();
  link_.reset(); // nobody asks any more
  if (side_)
    side_->use(nullptr);
  observer_.reset();
  tracer_.reset();
  system_.reset();
  logs_.reset();
  exporter_.reset(); // to where its lines went
  crashes_.reset();
  side_.reset();
  store_.reset();
  files_.reset();
  io_.reset();
  clock_.reset();
}

} // namespace duende
