// The keeper: forks, waits and holds descriptors; decides nothing. One thread, one epoll, no periodic wake-up.
#pragma once

#include "apps/keeper/confine.hpp"
#include "apps/keeper/ledger.hpp"
#include "apps/keeper/options.hpp"
#include "apps/keeper/peer.hpp"
#include "apps/keeper/slot.hpp"

#include <signal.h>
#include <sys/epoll.h>

#include <memory>
#include <unordered_map>
#include <vector>

namespace duende::keeper {

/// Nanoseconds of CLOCK_MONOTONIC; `never` where there is no deadline.
using nanoseconds = std::uint64_t;
inline constexpr nanoseconds never = ~nanoseconds{0};
inline constexpr nanoseconds milliseconds = 1'000'000;
nanoseconds monotonic();

class keeper {
public:
  /// Sets everything up. On false `error` is a sentence.
  bool begin(options settings, std::string& error);
  /// Returns the exit code.
  int run();

private:
  enum class tag : std::uint32_t {
    signals,
    socket,
    node_exit,
    node_status,
    slot_exit,
    slot_status,
    stored,
    notices,
    refusal
  };
  struct node_process {
    pid_t pid = 0;
    int pidfd = -1, status = -1, socket = -1;
    std::uint32_t generation = 0;
    std::uint32_t streak = 0; ///< failed runs in a row
    nanoseconds started = 0, restart_at = never;
    nanoseconds give_up_at = never; ///< it closed its socket but lives: ended then
    bool greeted = false;
    bool finishing = false;
    int finish_code = 0;
    int program = -1;                ///< what runs, whatever became of its file meanwhile
    int trial = -1;                  ///< what an upgrade tries; becomes `program` once it is healthy
    bool leaving = false;            ///< it exits for an upgrade
    nanoseconds trial_until = never; ///< for a healthy
    nanoseconds patience = 0;
    std::string trial_failure; ///< told to the program that comes back
  };

  // keeper.cpp: the loop
  bool watch(int fd, tag what, std::uint32_t index = 0, std::uint32_t events = EPOLLIN);
  void unwatch(int fd);
  void dispatch(const epoll_event& event);
  void on_signals();
  void on_deadlines();
  int wait_time() const;
  void stop_all(int code);
  bool stopped() const;

  // children.cpp: slots and launches
  slot* find(const uuid& id);
  slot* obtain(const uuid& id);
  void drop(slot& which);
  void close_channels(slot& which);
  void launch(slot& which, const protocol::spawn& request, flight* start);
  bool want_pipe(slot& which, int& fd, std::uint8_t bit);
  bool open_output(slot& owner, const protocol::spawn& request);
  bool open_channels(slot& which, const protocol::spawn& request, bool& notify_failed);
  int open_pipe();
  int bind_notify(std::string_view path);
  void fail(slot& which, protocol::step step, int error, std::string_view subject);
  enum class word : std::uint8_t { some, none, unknown }; ///< whether a report lies in the status pipe
  void on_status(slot& which, word left);
  void executed(slot& which);
  int signal_child(slot& which, int number, protocol::scope scope);

  // flights.cpp: starts that share our memory
  void reserve_staged();
  flight* free_flight();
  bool crowded();
  void stage(flight& start);
  void land(slot& which);
  void clear_staged(flight& start);
  bool children_apart();
  void await_apart();

  // exits.cpp: ends, stops and reaping
  void on_exit(slot& which);
  void end_process(slot& which);
  void kill_cgroup(const slot& which);
  void on_child_signal(pid_t pid, int code);
  void note_run_change(slot& which);
  void reap_strangers();

  // node.cpp: the node's own life
  void pin_program();
  int open_program() const;
  void start_node();
  void on_upgrade(const protocol::upgrade& request);
  void on_healthy();
  bool after_upgrade(const siginfo_t& end);
  void on_node_exit();
  void on_node_status();
  void close_socket();
  void pass_on(int signal);

  // notices.cpp: telling the node
  void tell(slot& which, std::uint8_t what);
  void flush();
  void forget_untold();
  void set_interest(std::uint32_t events);
  transfer tell_one(slot& which);
  void reply(std::string packet);
  transfer send(std::string_view packet, const int* fds = nullptr, std::size_t count = 0);

  // requests.cpp: what the node asks
  void on_socket(std::uint32_t events);
  void handle(std::string_view packet);
  template <class Request>
  bool understand(std::string_view packet, Request& request);
  slot* target(protocol::kind what, const uuid& id, std::uint32_t incarnation);
  void refuse(
    protocol::kind what, protocol::refusal why, const uuid& id = {}, std::uint32_t incarnation = 0,
    std::int64_t detail = 0);
  void on_hello(const protocol::hello& request);
  void on_list();
  void on_spawn(std::string_view packet);
  void on_signal(const protocol::signal& request);
  void on_forget(const protocol::forget& request);
  void on_set_record(const protocol::set_record& request);
  void on_main_pid(const protocol::main_pid& request);
  void on_large(std::string_view announcement, int fd);

  // sockets.cpp: what daemons listen on
  bool open_sockets(const protocol::spawn& request, std::vector<int>& fds, std::string_view& failed);
  void add_listen_env(const slot& which, const protocol::spawn& request, std::vector<char*>& env);
  void on_retain_sockets(const protocol::retain_sockets& request);
  void recover_sockets(const slot& which, const std::vector<protocol::text>& sockets);

  // stored.cpp: descriptors that daemons leave to their next lives
  bool has_stored(const slot& which) const;
  void on_store_fd(const protocol::store_fd& request);
  void on_drop_fds(const protocol::drop_fds& request);
  void on_stored_event(int fd);
  void drop_stored(const slot& which, std::string_view name);

  // refusals.cpp: what children send on their way, and system calls that end a daemon
  int notices();
  void on_notices();
  bool hold(slot& which, child_notice::kind what, int fd);
  void close_network(slot& which);
  void on_refusal(slot& which, std::uint32_t events);
  void close_listener(slot& which);

  // adoption.cpp: what a killed keeper left
  void find_orphans();
  void on_adopt(const protocol::adopt_orphan& request);
  void on_end_orphan(const protocol::end_orphan& request);
  void reopen_channels(slot& which);

  options settings_;
  ledger ledger_;
  rlimit open_files_{}; ///< as we found it
  bool raised_open_files_ = false;
  std::uint64_t tick_ = 10'000'000; ///< nanoseconds of a clock tick
  int epoll_ = -1, signals_ = -1, null_ = -1, stage_[2] = {-1, -1}, notices_[2] = {-1, -1};
  node_process node_;

  std::vector<std::unique_ptr<slot>> slots_; ///< by index; null where free
  std::vector<std::uint32_t> free_slots_;
  std::unordered_map<uuid, std::uint32_t> by_id_;
  std::unordered_map<pid_t, std::uint32_t> by_pid_;
  std::size_t unexecuted_ = 0; ///< slots with that flag
  pid_t own_group_ = 0;

  std::vector<std::uint32_t> untold_;
  std::vector<std::string> replies_; ///< few: no request is read while `blocked_`
  bool listing_ = false;
  bool blocked_ = false;
  std::uint32_t interest_ = EPOLLIN; ///< of the socket
  nanoseconds retry_at_ = never;

  nanoseconds reap_at_ = never;
  enum class ending : std::uint8_t { no, asked, killed } ending_ = ending::no;
  nanoseconds ending_until_ = never;
  int exit_code_ = 0;
  bool over_ = false;

  flight flights_[8]; ///< more than there are processors to run them
  int staged_begin_ = 0,
      staged_end_ = 0; ///< numbers that are reserved for them; their children take what is below along
  nanoseconds crowded_until_ = never;
  bool hanging_ = false; ///< all flights have been taken for too long

  struct held_socket {
    std::string listen;
    int fd;
  };
  std::vector<held_socket> sockets_;
  struct stored_fd {
    std::uint32_t slot;
    int fd;
    bool watched;
    std::string name;
  };
  std::vector<stored_fd> stored_; ///< few: in the order in which they came
  int beside_ = -1;               ///< the descriptor beside the request that is looked at now
  std::string listen_env_[3];     ///< LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES of the child that is made now
  std::vector<int> socket_fds_;

  std::string out_; ///< scratch of encoding
  protocol::spawn spawn_;
  std::vector<char*> argv_, env_;
  char in_[protocol::max_packet];
};

} // namespace duende::keeper
