// Where `duende top` has it from: requests to the node on threads of their own, answers by a descriptor to poll.
#pragma once

#include "actors/api/wake_fd.hpp"
#include "apps/duende/client.hpp"
#include "apps/duende/top_layout.hpp"

#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace duende::cli {

/// One look at the node.
struct top_look_at {
  caf::error error; ///< none where all of it was answered
  json node, tree, daemons;
  instant at{};
  duration took{};
};

/// Looks when asked to, one look at a time.
class top_sampler {
public:
  explicit top_sampler(std::string socket);
  ~top_sampler();

  int fd() const { return wake_.fd(); }
  /// False while a look is under way.
  bool ask();
  std::optional<top_look_at> take();

private:
  void run();

  client client_;
  api::wake_fd wake_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false, busy_ = false, stopping_ = false;
  std::optional<top_look_at> result_;
  std::thread thread_;
};

struct top_outcome {
  std::string text;
  bool is_bad = false;
};

/// What is asked of a node: start, stop and restart of a daemon; roll and scale of all instances of a name.
struct top_order {
  std::string verb, name;
  std::uint32_t instances = 0; ///< how many there are to be, of scale
};

/// Orders, each on a thread, because they may take minutes.
class top_actions {
public:
  explicit top_actions(std::string socket) : socket_(std::move(socket)) {}
  ~top_actions();

  int fd() const { return wake_.fd(); }
  /// False where too many are under way.
  bool begin(const top_order& order);
  std::vector<top_outcome> take();

private:
  struct action {
    explicit action(const std::string& socket) : node(socket) {}
    client node;
    std::atomic<bool> over = false;
    std::thread thread;
  };

  std::string socket_;
  api::wake_fd wake_;
  std::mutex mutex_;
  std::vector<top_outcome> outcomes_;
  std::list<action> actions_;
};

/// The last lines of one log and what comes, across restarts of the node.
class top_log {
public:
  top_log(std::string socket, std::string name, std::size_t tail);
  ~top_log();

  struct news {
    bool begins_anew = false; ///< what was known before is repeated by `lines`
    std::vector<top_log_line> lines;
    std::string trouble;
  };
  int fd() const { return wake_.fd(); }
  news take();

private:
  void run();

  std::string name_;
  std::size_t tail_;
  client client_;
  api::wake_fd wake_, stop_;
  std::mutex mutex_;
  news news_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

} // namespace duende::cli
