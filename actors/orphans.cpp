// What a killed keeper left running: taken over where it is still wanted as it is, else ended before anything starts, so that
// nothing ever runs twice.
#include "actors/launch.hpp"
#include "actors/life_record.hpp"
#include "actors/node_host.hpp"
#include "core/config/load.hpp"

#include <algorithm>
#include <csignal>

namespace duende {
namespace {} // namespace

caf::expected<std::vector<held_child>> node_host::settle_orphans(const loaded_state& stored, const stack& wanted) {
  std::vector<held_child> adopted;
  std::vector<orphan_process> unwanted;
  auto before = load_text(stored.stack, config_format::json, "stored stack", "/");
  for (auto& orphan : link_->orphans()) {
    auto row =
      std::find_if(stored.children.begin(), stored.children.end(), [&](auto& each) { return each.id == orphan.id; });
    auto was = row == stored.children.end() ? nullptr : before.value.daemons.find(row->name);
    auto now = was ? wanted.daemons.find(row->name) : nullptr;
    if (!options_.adopt_orphans || !now || !now->autostart || *was != *now) {
      unwanted.push_back(orphan);
      continue;
    }
    life_record record;
    record.name = now->name;
    record.ready = true; // nobody can say; it ran, and what it said of itself is gone
    record.incarnation = row->incarnation + 1;
    record.restarts = row->restarts;
    record.started_at = wall_now() - std::chrono::floor<std::chrono::milliseconds>(monotonic_now() - orphan.started_at);
    held_child held;
    held.process = {orphan.id, record.incarnation, orphan.pid, orphan.start_time};
    held.running = true;
    held.started_at = orphan.started_at;
    held.record = to_text(record);
    logs_->open(orphan.id, now->name, now->logs, log_dir_of(*services_, now->name, now->logs.dir));
    bool notifies = uses_notify(*now);
    std::vector<std::string> sockets;
    for (auto& each : now->sockets)
      sockets.push_back(each.listen);
    link_->adopt_orphan(
      orphan.id, record.incarnation, held.record, notifies ? notify_path_of(*services_, orphan.id) : "", "", sockets);
    services_->record(
      {.kind = event_kind::node,
       .daemon = now->name,
       .text = fmt::format("{}: adopted from a killed keeper, pid {}", now->name, orphan.pid)});
    adopted.push_back(std::move(held));
  }
  if (auto error = end_orphans(unwanted))
    return error;
  return adopted;
}

caf::error node_host::end_orphans(const std::vector<orphan_process>& orphans) {
  if (orphans.empty())
    return {};
  std::unique_lock lock{mutex_};
  orphans_left_ = orphans.size();
  for (int number : {SIGTERM, SIGKILL}) {
    lock.unlock();
    for (auto& each : orphans)
      link_->end_orphan(each.id, number);
    lock.lock();
    if (orphan_ended_.wait_for(lock, 10s, [&] { return orphans_left_ == 0; }))
      break;
  }
  if (orphans_left_ != 0)
    return fail(
      errc::timed_out, "{} processes of an earlier keeper do not end (one is pid {}); end them and try again",
      orphans_left_, orphans.front().pid);
  services_->record(
    {.kind = event_kind::node,
     .text = fmt::format("ended {} processes that a killed keeper had left", orphans.size())});
  return {};
}

} // namespace duende
