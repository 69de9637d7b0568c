// Who may write to a daemon's NOTIFY_SOCKET, and the descriptors that it leaves to its next life.
#include "actors/channels.hpp"

#include "actors/life_record.hpp"
#include "monitors/usage/usage.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace duende {
namespace {

constexpr std::string_view unnamed = "stored"; // as systemd calls them

std::string proc_text(pid_t pid, const char* name, std::size_t most) {
  std::string text(most, '\0');
  const int fd = ::open(fmt::format("/proc/{}/{}", pid, name).c_str(), O_RDONLY | O_CLOEXEC);
  std::size_t done = 0;
  while (fd >= 0 && done < most) {
    const auto n = ::read(fd, text.data() + done, most - done);
    if (n <= 0)
      break;
    done += static_cast<std::size_t>(n);
  }
  if (fd >= 0)
    ::close(fd);
  text.resize(done);
  return text;
}

enum class kinship { own, foreign, gone };

/// By session or descent; one that left both behind, as daemons do that fork twice, by the socket that its environment names.
kinship kinship_of(pid_t sender, pid_t main, pid_t keeper, const uuid& id) {
  const auto session = getsid(sender);
  if (session < 0)
    return errno == ESRCH ? kinship::gone : kinship::foreign;
  if (session == getsid(main))
    return kinship::own;
  auto pid = sender;
  for (int hops = 0; hops < 64 && pid > 1; ++hops) {
    if (pid == main)
      return kinship::own;
    auto text = proc_text(pid, "stat", 1024);
    auto stat = parse_proc_stat(text);
    if (!stat)
      return hops == 0 ? kinship::gone : kinship::foreign;
    if (stat->parent == keeper) {
      auto environment = '\0' + proc_text(pid, "environ", 128 * 1024);
      auto at = environment.find(std::string{"\0NOTIFY_SOCKET=", 15});
      auto value = at == std::string::npos ? std::string_view{} : std::string_view{environment.c_str() + at + 15};
      return value.ends_with("/" + to_string(id)) ? kinship::own : kinship::foreign;
    }
    pid = stat->parent;
  }
  return kinship::foreign;
}

} // namespace

void channels::resumed(const uuid& id, pid_t pid, const std::string& record, std::uint32_t store_max) {
  std::lock_guard lock{mutex_};
  auto& entry = entries_[id];
  entry.pid = pid;
  entry.record = record;
  entry.store_max = store_max;
}

void channels::launched(const uuid& id, pid_t pid) {
  std::lock_guard lock{mutex_};
  if (auto found = entries_.find(id); found != entries_.end())
    found->second.pid = pid;
}

void channels::ended(const uuid& id) {
  std::function<void()> read_rest;
  {
    std::lock_guard lock{mutex_};
    auto found = entries_.find(id);
    if (found == entries_.end())
      return;
    if (found->second.store_max > 0 && found->second.notify)
      read_rest = found->second.notify->reader();
  }
  if (read_rest)
    read_rest();
  launched(id, 0);
}

/// What a sender that has gone meanwhile counts as is for the caller to say.
bool channels::is_foreign(const uuid& id, pid_t sender, bool when_gone) {
  pid_t main = 0, keeper = 0;
  {
    std::lock_guard lock{mutex_};
    if (auto found = entries_.find(id); found != entries_.end())
      main = found->second.pid;
    keeper = link_ ? link_->keeper_pid() : 0;
  }
  if (main == 0 || sender == main)
    return false;
  if (sender == 0) // of another pid namespace, or too early for the kernel to tell
    return when_gone;
  auto kin = kinship_of(sender, main, keeper, id);
  return kin == kinship::foreign || (kin == kinship::gone && when_gone);
}

void channels::take_descriptors(const uuid& id, const notify_message& message, pid_t sender, std::vector<int>& fds) {
  if (!message.fd_store && !message.fd_store_remove)
    return; // BARRIER=1 and the like: closed unseen
  if (is_foreign(id, sender, true))
    return complain(id, fmt::format("descriptors of pid {}, which is none of its processes, are not kept", sender));
  std::shared_ptr<keeper_link> link;
  std::uint32_t most = 0;
  {
    std::lock_guard lock{mutex_};
    link = link_;
    if (auto found = entries_.find(id); found != entries_.end())
      most = found->second.store_max;
  }
  if (!link)
    return;
  if (message.fd_store_remove)
    return link->drop_fds(id, message.fd_name && !message.fd_name->empty() ? *message.fd_name : std::string{unnamed});
  if (most == 0)
    return complain(id, "descriptors that it sends with FDSTORE=1 are not kept: its fd_store_max is 0");
  auto name = message.fd_name && !message.fd_name->empty() ? *message.fd_name : std::string{unnamed};
  for (int& fd : fds)
    link->store_fd(id, name, message.fd_poll, most, std::exchange(fd, -1));
}

void channels::store_refused(const uuid& id, const std::string& why) {
  complain(id, "a descriptor that it sends with FDSTORE=1 is not kept: " + why);
}

/// Once for each life: a daemon may repeat itself.
void channels::complain(const uuid& id, const std::string& why) {
  std::string name;
  {
    std::lock_guard lock{mutex_};
    auto found = entries_.find(id);
    if (found == entries_.end() || std::exchange(found->second.complained, true))
      return;
    if (auto record = parse_life_record(found->second.record))
      name = record->name;
  }
  if (report_ && !name.empty())
    report_(name, why);
}

} // namespace duende
