// The thread of the capture: which stream has its turn when.
#pragma once

#include "core/time.hpp"
#include "core/uuid.hpp"
#include "monitors/logs/pump.hpp"

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace duende::logs {

struct daemon_log;

/// What is waited for in a daemon's lines.
struct line_watch : listener {
  line_watch(line_pattern what, std::function<void()> then) : pattern(std::move(what)), on_match(std::move(then)) {}
  void taken(std::string_view bytes) override { matched = matched || current->feed(pattern, bytes); }

  line_pattern pattern;
  std::function<void()> on_match;
  std::array<line_feed, 2> feeds; ///< by stream
  line_feed* current = nullptr;
  bool matched = false;
};

/// One pipe. Silent ones cost nothing but these bytes.
struct stream : source {
  stream(daemon_log& daemon, const target& where, log_stream which)
    : source(where, which), owner(&daemon), kind(which) {}

  enum class phase : std::uint8_t {
    none,   ///< no pipe
    armed,  ///< epoll tells when bytes come
    ready,  ///< in the queue for its turn
    parked, ///< looked at again at `due`
  };

  daemon_log* owner;
  instant last{}; ///< when its latest turn began
  instant due{};
  std::uint32_t capacity = 0; ///< of its pipe
  std::uint16_t retry_ms = 0; ///< not 0: it can't be written; the present delay
  log_stream kind;
  phase now = phase::none;
  bool watched = false; ///< known to epoll
};

/// Cuts a stream into lines for somebody who wants all of them.
class line_cutter {
public:
  static constexpr std::size_t longest = 16 << 10;

  template <class Fn>
  void feed(std::string_view bytes, Fn&& line) {
    while (!bytes.empty()) {
      const auto room = longest - partial_.size();
      const auto end = std::min(bytes.find('\n'), std::min(bytes.size(), room));
      const bool complete = end < bytes.size() && bytes[end] == '\n';
      if (complete && partial_.empty()) {
        line(bytes.substr(0, end));
      } else {
        partial_.append(bytes.substr(0, end));
        if (complete || partial_.size() == longest)
          finish(line);
      }
      bytes.remove_prefix(end + (complete ? 1 : 0));
    }
  }
  /// What was begun is all there will be.
  template <class Fn>
  void finish(Fn&& line) {
    if (!partial_.empty())
      line(std::string_view{partial_});
    partial_.clear();
  }

private:
  std::string partial_;
};

struct daemon_log {
  explicit daemon_log(std::string of) : name(std::move(of)) {}

  std::string name;
  target where;
  std::array<stream, 2> streams{stream{*this, where, log_stream::out}, stream{*this, where, log_stream::err}};
  std::unique_ptr<line_watch> watch;
  std::unique_ptr<std::array<line_cutter, 2>> cutters; ///< by stream; where all lines are wanted
  bool failing = false;                                ///< told once
};

class engine {
public:
  using task = std::function<void()>;
  using error_handler = std::function<void(const std::string& name, const std::string& sentence)>;

  using line_handler = std::function<void(const std::string& name, log_stream stream, std::string_view line)>;

  engine(
    int stage_read_fd, int stage_write_fd, const std::string& journal_path, error_handler on_error,
    line_handler on_line = {});
  ~engine();

  /// How many bytes were written to the stream since its pipe was attached first. None without a pipe, or where bytes are taken all the time. Thread-safe.
  static std::optional<std::uint64_t> written(const stream& x);
  /// Runs `fn` on the thread, in order. Thread-safe.
  void post(task fn);

  // The rest is for the thread alone.
  void attach(stream& x, int fd);
  void drain(stream& x);
  /// Takes what was written up to `until`, all that is there without it, and ends the file's last line where that is open.
  void end_line(stream& x, std::optional<std::uint64_t> until);
  /// Drains and lets go of pipe and file.
  void close(stream& x);
  void rotate(stream& x);

private:
  void run();
  void run_tasks();
  void wait();
  void take_turn(stream& x);
  turn pump_once(stream& x, std::size_t budget);
  void schedule(stream& x, std::size_t moved, duration since);
  void failed(stream& x, const turn& result);
  void detach(stream& x);
  void arm(stream& x);
  void park(stream& x, instant due);
  void enqueue(stream& x);
  void leave_queues(stream& x);

  void hear(stream& x, std::string_view bytes);
  void finish_line(stream& x);

  error_handler on_error_;
  line_handler on_line_;
  int epoll_ = -1;
  int wake_ = -1;
  transfer transfer_;
  std::deque<stream*> ready_;
  std::multimap<instant, stream*> parked_;
  std::mutex mutex_;
  std::vector<task> tasks_; ///< under mutex_
  bool stopping_ = false;   ///< under mutex_
  bool stopped_ = false;
  std::thread thread_;
};

} // namespace duende::logs
