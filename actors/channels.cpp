#include "actors/channels.hpp"

#include "actors/incarnation.hpp"
#include "actors/life_record.hpp"

#include <caf/send.hpp>

#include <unistd.h>

#include <utility>

namespace duende {

void channels::use(std::shared_ptr<keeper_link> link) {
  std::lock_guard lock{mutex_};
  link_.swap(link); // the old one goes after the lock: its end waits for a call under way, which may want the lock
}

template <class Message>
void channels::tell(const uuid& id, Message message) {
  caf::actor to;
  {
    std::lock_guard lock{mutex_};
    if (auto found = entries_.find(id); found != entries_.end())
      to = caf::actor_cast<caf::actor>(found->second.to);
  }
  if (to)
    caf::anon_send(to, std::move(message));
}

void channels::arrived(const daemon_channels& what) {
  if (what.notify >= 0) {
    auto id = what.id;
    auto channel = std::make_unique<notify_channel>(
      io_, what.notify,
      [this, id](const notify_message& m, pid_t sender) {
        if (is_foreign(id, sender, false))
          return complain(
            id, fmt::format("pid {}, which is none of its processes, wrote to its NOTIFY_SOCKET", sender));
        if (m.ready)
          mark_ready(id, readiness_type::notify);
        tell(id, notify_note{m, sender});
      },
      [this, id](const notify_message& m, pid_t sender, std::vector<int>& fds) {
        take_descriptors(id, m, sender, fds);
      });
    std::lock_guard lock{mutex_};
    std::swap(entries_[id].notify, channel); // an older one is closed after the lock is gone
  }
  if (what.ready >= 0) {
    bool heard = false;
    {
      std::lock_guard lock{mutex_};
      auto found = entries_.find(what.id);
      heard = found != entries_.end() && found->second.incarnation != 0;
      if (!heard) {
        if (auto before = early_ready_.find(what.id); before != early_ready_.end())
          ::close(before->second);
        early_ready_[what.id] = what.ready;
      }
    }
    if (heard)
      begin_ready(what.id, what.ready);
  }
}

void channels::begin_ready(const uuid& id, int fd) {
  auto waiting = start_fd_probe(io_, fd, [this, id](const probe_result& result) {
    if (result.ok)
      mark_ready(id, readiness_type::fd);
    tell(id, probe_note{result.ok, result.text});
  });
  std::lock_guard lock{mutex_};
  std::swap(entries_[id].ready, waiting);
}

void channels::listen(
  const uuid& id, std::uint32_t incarnation, std::string record, caf::actor_addr to, readiness_type ready,
  std::uint32_t store_max) {
  int fd = -1;
  {
    std::lock_guard lock{mutex_};
    auto& entry = entries_[id];
    entry.incarnation = incarnation;
    entry.record = std::move(record);
    entry.to = std::move(to);
    entry.ready_by = ready;
    entry.store_max = store_max;
    entry.complained = false;
    if (auto early = early_ready_.extract(id))
      fd = early.mapped();
  }
  if (fd >= 0)
    begin_ready(id, fd);
}

void channels::silence(const uuid& id) {
  probe_ptr ended;
  std::lock_guard lock{mutex_};
  auto found = entries_.find(id);
  if (found == entries_.end())
    return;
  found->second.to = {};
  found->second.incarnation = 0;
  ended = std::move(found->second.ready);
  if (!found->second.notify)
    entries_.erase(found);
}

void channels::drop(const uuid& id) {
  decltype(entries_)::node_type dropped;
  std::lock_guard lock{mutex_};
  dropped = entries_.extract(id);
  if (auto early = early_ready_.extract(id))
    ::close(early.mapped());
}

void channels::replace(const uuid& id, std::uint32_t incarnation, std::string& record) {
  std::lock_guard lock{mutex_};
  auto found = entries_.find(id);
  if (found == entries_.end() || found->second.incarnation != incarnation)
    return;
  if (is_ready(found->second.record))
    duende::mark_ready(record);
  found->second.record = record;
}

void channels::mark_ready(const uuid& id, readiness_type seen) {
  std::lock_guard lock{mutex_};
  auto found = entries_.find(id);
  if (found == entries_.end() || found->second.incarnation == 0 || !link_)
    return;
  auto& entry = found->second;
  if (entry.ready_by != seen || is_ready(entry.record)) // a daemon may repeat itself, and be ready in another way
    return;
  duende::mark_ready(entry.record);
  link_->set_record(id, entry.incarnation, entry.record);
}

} // namespace duende
