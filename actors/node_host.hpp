// A whole node in one object: reactor, keeper link, history, logs, the actors and the control over them.
#pragma once

#include "actors/channels.hpp"
#include "actors/control.hpp"
#include "actors/node.hpp"
#include "backends/native/link.hpp"
#include "core/otlp_spec.hpp"
#include "core/reactor.hpp"
#include "monitors/crashes/crash_store.hpp"
#include "monitors/history/store.hpp"
#include "monitors/logs/capture.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace duende {

class exporter;
struct metrics_input;
class process_tracer;

struct host_options {
  std::string name = "default";
  std::string state_dir; ///< empty: nothing is stored
  std::string run_dir;
  std::string metrics; ///< shown in node_info
  int keeper_fd = -1;  ///< the socket to the keeper that started this node; -1: a keeper is started when first needed
  std::size_t threads = 0;    ///< of CAF's scheduler; 0: one per core
  duration sample_interval{}; ///< of what each process uses; 0: only while somebody asks
  duration sample_history = std::chrono::minutes{5};
  otlp_spec otlp;          ///< where to export to; off unless it has an endpoint
  bool on_reactor = false; ///< no threads for actors but the reactor's: none of them may block
  bool adopt_orphans =
    true; ///< what a killed keeper left: taken over where unchanged, or (false) ended before anything starts
  std::vector<std::string> environment;
  bool upgraded = false;       ///< the first start of this program in the place of another
  std::string upgrade_failure; ///< why another program did not take the place of this one
};

class node_host {
public:
  /// Brings everything up: `wanted` is the configuration's, or what was running when the last node died. Errors as sentences;
  /// nothing is left behind then.
  static caf::expected<std::unique_ptr<node_host>> start(host_options options, stack wanted);
  /// Ends what still lives, bounded only by the daemons' own time-outs.
  ~node_host();
  node_host(const node_host&) = delete;
  node_host& operator=(const node_host&) = delete;

  control& controls();
  /// Null where nothing is exported.
  exporter* exports() const { return exporter_.get(); }
  const node_actor& node_handle() const { return node_; }
  caf::actor_system& system() { return *system_; }

  /// Calls `fn` once, from any thread, when all actors have ended or the keeper is gone.
  void on_end(std::function<void()> fn);
  /// Not empty where the node ended for another reason than an orderly stop.
  std::string trouble() const;
  /// The keeper ends with `code` when this process has ended.
  void finish(int code);
  /// Writes an event about the node itself. Thread-safe.
  void tell(std::string text);
  /// Tells the keeper that this node serves.
  void healthy();
  /// Whether this process is to exit so that the program on disk takes its place: `leave` and _exit, nothing is ended.
  bool leaving() const;
  /// Writes down what waits for the disk.
  void leave();
  /// Begins the orderly stop of everything.
  void begin_stop();

private:
  explicit node_host(host_options options);
  caf::error begin(stack wanted);
  caf::error open_history();
  caf::expected<std::shared_ptr<keeper_link>> connect();
  /// Null where there is none yet. Thread-safe.
  std::shared_ptr<keeper_link> link() const;
  caf::expected<std::vector<held_child>> settle_orphans(const loaded_state& stored, const stack& wanted);
  caf::error end_orphans(const std::vector<orphan_process>& orphans);
  link_events events_of_link();
  std::shared_ptr<node_seed> make_seed(stack wanted, loaded_state stored, std::vector<held_child> held);
  void ended(std::string why);
  void begin_export(log_capture::config& logging);
  void begin_collecting();
  std::optional<trace_context> environment_trace() const;
  trace_ptr begin_trace(std::uint32_t generation) const;
  void record_start(std::uint32_t generation);
  caf::expected<void> begin_upgrade();

  class host_control;

  host_options options_;
  caf::actor_system_config config_;
  std::unique_ptr<reactor> io_;
  std::unique_ptr<wall_timers> clock_;
  std::unique_ptr<file_watch> files_;
  std::unique_ptr<accounts> users_;
  std::unique_ptr<cgroups> groups_;
  std::unique_ptr<history> store_;
  std::unique_ptr<channels> side_;
  std::shared_ptr<keeper_link>
    link_; ///< guarded by mutex_: a program's first process comes while others ask; see link()
  std::unique_ptr<crash_store> crashes_; ///< outlives the log thread, which hands over to it
  std::unique_ptr<log_capture> logs_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<process_observer> observer_;
  std::unique_ptr<exporter> exporter_; ///< null: nothing is exported
  std::unique_ptr<process_tracer> tracer_;
  backend_actor native_;
  services_ptr services_;
  node_actor node_;
  std::unique_ptr<host_control> control_;
  wall_time started_at_{};

  mutable std::mutex mutex_;
  std::condition_variable orphan_ended_;
  std::size_t orphans_left_ = 0;
  std::function<void()> on_end_;
  bool has_ended_ = false;
  bool leaving_ = false;
  std::string trouble_;
};

} // namespace duende
