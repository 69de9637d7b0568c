// The node's link to its keeper: how it is made, and where what it tells goes.
#include "actors/node_host.hpp"

#include "backends/native/spawn_keeper.hpp"

#include <caf/send.hpp>

#include <sys/stat.h>

#include <filesystem>

namespace duende {

caf::expected<std::shared_ptr<keeper_link>> node_host::connect() {
  if (auto known = link())
    return known;
  std::error_code ignored;
  std::filesystem::create_directories(options_.run_dir + "/notify", ignored);
  ::chmod((options_.run_dir + "/notify").c_str(), 0711); // daemons of other users must reach their sockets
  bool late = options_.keeper_fd < 0;
  if (late) {
    auto& dir = options_.state_dir.empty() ? options_.run_dir : options_.state_dir; // for the ledger
    auto spawned = spawn_keeper(dir, options_.run_dir);
    if (!spawned)
      return spawned.error();
    options_.keeper_fd = spawned->fd;
  }
  auto link = keeper_link::connect(*io_, options_.keeper_fd, events_of_link()); // by one actor, or before there are any
  if (!link)
    return link.error();
  std::shared_ptr<keeper_link> made = std::move(*link);
  {
    std::lock_guard lock{mutex_};
    link_ = made;
  }
  side_->use(made);
  if (late)
    made->start();
  return made;
}

std::shared_ptr<keeper_link> node_host::link() const {
  std::lock_guard lock{mutex_};
  return link_;
}

link_events node_host::events_of_link() {
  link_events events;
  auto tell = [this](auto notice) { caf::anon_send(native_, std::move(notice)); };
  events.on_launched = [this, tell](launched notice) {
    side_->launched(notice.id, notice.pid);
    tell(std::move(notice));
  };
  events.on_store_refused = [this](const uuid& id, const std::string& why) { side_->store_refused(id, why); };
  events.on_launch_failed = [this, tell](launch_failure notice) {
    if (!side_->helper_ended(notice.id, exit_reason::spawn(notice.text)))
      tell(std::move(notice));
  };
  events.on_exit = [this, tell](process_exit notice) {
    side_->ended(notice.id);
    if (notice.incarnation == 0) {
      std::lock_guard lock{mutex_};
      if (orphans_left_ > 0 && --orphans_left_ == 0)
        orphan_ended_.notify_all();
    } else if (!side_->helper_ended(notice.id, exit_reason::from_wait_status(notice.status))) {
      tell(std::move(notice));
    }
  };
  events.on_run_change = [tell](run_change notice) { tell(std::move(notice)); };
  events.on_channels = [this](daemon_channels what) {
    if (side_->helper_arrived(what))
      return;
    if (what.out >= 0)
      logs_->attach(what.id, log_stream::out, what.out);
    if (what.err >= 0)
      logs_->attach(what.id, log_stream::err, what.err);
    side_->arrived(what);
  };
  events.on_refused = [this](std::string text) {
    if (services_)
      services_->record({.kind = event_kind::node, .text = "keeper: " + text});
  };
  events.on_lost = [this](std::string text) { ended("the keeper is gone: " + text); };
  return events;
}

} // namespace duende
