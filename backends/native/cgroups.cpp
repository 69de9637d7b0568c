#include "backends/native/cgroups.hpp"

#include "backends/native/limit_alarm.hpp"
#include "backends/native/small_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <set>
#include <sstream>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace duende {
namespace {

namespace fs = std::filesystem;

constexpr auto memory_at = static_cast<std::size_t>(cgroup_controller::memory);
constexpr auto pids_at = static_cast<std::size_t>(cgroup_controller::pids);

std::string_view key_of(const limits_spec& limits, cgroup_controller which) {
  switch (which) {
    case cgroup_controller::memory: return limits.memory_bytes != 0 ? "memory_bytes" : "memory_swap_bytes";
    case cgroup_controller::cpu: return limits.cpu_quota_percent > 0 ? "cpu_quota_percent" : "cpu_shares";
    case cgroup_controller::io: return limits.io_read_bps != 0 ? "io_read_bps" : "io_write_bps";
    case cgroup_controller::pids: break;
  }
  return "pids_max";
}

caf::error refused(const cgroup_write& what, const std::string& folder, int error) {
  std::string_view remedy;
  if (error == ENOENT && what.key == "memory_swap_bytes")
    remedy = "; the kernel does not account for swap: boot it with swapaccount=1";
  else if (error == EACCES || error == EPERM || error == EROFS)
    remedy = "; the node may not change control groups here: start it as root, or with a delegated group";
  else if (error == EBUSY && what.key == "memory_bytes")
    remedy = "; it uses more already";
  return fail(
    errc::spawn_failed, "cannot limit {}: '{}' to '{}/{}': {}{}", what.key, what.value, folder, what.file,
    std::strerror(error), remedy);
}

/// In order, and those that were refused once more after the others: some depend on each other.
caf::error write_all(const std::string& folder, const std::vector<cgroup_write>& writes) {
  auto put = [&](const cgroup_write& each) {
    int error = write_small(fmt::format("{}/{}", folder, each.file), each.value);
    return each.optional && (error == ENOENT || error == ENODEV || error == EINVAL) ? 0 : error;
  };
  std::vector<const cgroup_write*> again;
  for (auto& each : writes)
    if (put(each) != 0)
      again.push_back(&each);
  for (auto* each : again)
    if (int error = put(*each); error != 0)
      return refused(*each, folder, error);
  return {};
}

int make_folder(const std::string& folder) {
  auto parent = folder.substr(0, folder.rfind('/'));
  if (::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST)
    return 0;
  if (errno == ENOENT && (::mkdir(parent.c_str(), 0755) == 0 || errno == EEXIST))
    return ::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST ? 0 : errno;
  return errno;
}

/// Processes that belong to a daemon: of the session that it leads.
std::set<pid_t> session_of(pid_t leader) {
  std::set<pid_t> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{"/proc", error}) {
    auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos)
      continue;
    auto pid = static_cast<pid_t>(std::atol(name.c_str()));
    if (::getsid(pid) == leader)
      found.insert(pid);
  }
  return found;
}

} // namespace

const cgroup_homes& cgroups::homes() const {
  std::call_once(looked_, [this] {
    homes_ = find_cgroup_homes(node_);
    known_ = true;
  });
  return homes_;
}

std::string cgroups::folder_of(std::size_t controller, const std::string& daemon) const {
  const auto& home = homes()[controller].folder;
  return home.empty() ? home : fmt::format("{}/{}", home, daemon);
}

caf::expected<std::vector<std::string>> cgroups::set(const std::string& daemon, const limits_spec& limits) {
  std::vector<std::string> folders;
  std::vector<block_device> disks;
  for (std::size_t i = 0; i < homes().size(); ++i) {
    auto which = all_controllers[i];
    auto folder = folder_of(i, daemon);
    bool needed = needs(limits, which);
    if (!needed && (folder.empty() || ::access(folder.c_str(), F_OK) != 0))
      continue;
    if (folder.empty())
      return fail(errc::spawn_failed, "cannot limit {}: {}", key_of(limits, which), homes()[i].problem);
    if (int error = make_folder(folder))
      return fail(
        errc::spawn_failed, "cannot limit {}: cannot make '{}': {}", key_of(limits, which), folder,
        std::strerror(error));
    if (which == cgroup_controller::io && disks.empty()) {
      disks = find_disks();
      if (disks.empty() && needed)
        return fail(errc::spawn_failed, "cannot limit {}: this machine shows no disk", key_of(limits, which));
    }
    if (auto error = write_all(folder, cgroup_writes(limits, which, homes()[i].version, disks)))
      return error;
    if (std::find(folders.begin(), folders.end(), folder) == folders.end())
      folders.push_back(folder);
  }
  return folders;
}

caf::expected<std::string> cgroups::prepare(const std::string& daemon, const limits_spec& limits) {
  remove(daemon); // what the group counts begins anew with each life
  auto folders = set(daemon, limits);
  if (!folders)
    return folders.error();
  return fmt::format("{}", fmt::join(*folders, "\n"));
}

caf::expected<void> cgroups::change(const std::string& daemon, const limits_spec& limits, pid_t pid) {
  auto folders = set(daemon, limits);
  if (!folders)
    return folders.error();
  if (pid <= 0)
    return caf::unit;
  for (auto& folder : *folders) {
    std::set<pid_t> moved;
    for (int tries = 0; tries < 10; ++tries) { // they may start others meanwhile
      auto missing = session_of(pid);
      for (auto each : moved)
        missing.erase(each);
      if (missing.empty())
        break;
      for (auto each : missing) {
        int error = write_small(folder + "/cgroup.procs", std::to_string(each));
        if (error != 0 && error != ESRCH)
          return fail(errc::io_failure, "cannot move process {} to '{}': {}", each, folder, std::strerror(error));
        moved.insert(each);
      }
    }
  }
  return caf::unit;
}

cgroups::counts cgroups::read(const std::string& daemon) const {
  counts result;
  if (auto folder = folder_of(memory_at, daemon); !folder.empty()) {
    bool legacy = homes()[memory_at].version == cgroup_version::v1;
    auto text = read_small(folder + (legacy ? "/memory.oom_control" : "/memory.events"));
    result.oom_kills = counter_in(text.value_or(""), "oom_kill");
  }
  if (auto folder = folder_of(pids_at, daemon); !folder.empty())
    result.refused_forks = counter_in(read_small(folder + "/pids.events").value_or(""), "max");
  return result;
}

void cgroups::freeze(const std::string& daemon, bool frozen) const {
  for (std::size_t i = 0; i < homes().size(); ++i) {
    auto folder = folder_of(i, daemon);
    if (folder.empty() || write_small(folder + "/cgroup.freeze", frozen ? "1" : "0") == 0)
      continue;
    std::istringstream listed{read_small(folder + "/cgroup.procs").value_or("")};
    for (pid_t pid = 0; listed >> pid;)
      if (pid > 1)
        ::kill(pid, frozen ? SIGSTOP : SIGCONT);
  }
}

void cgroups::watch(const std::string& daemon, const limits_spec& limits, limit_alarm& alarm, bool fresh) const {
  for (auto which : {cgroup_controller::memory, cgroup_controller::pids}) {
    const auto at = static_cast<std::size_t>(which);
    if (needs(limits, which))
      if (auto folder = folder_of(at, daemon); !folder.empty())
        alarm.watch(which, homes()[at].version, folder, fresh);
  }
}

void cgroups::remove(const std::string& daemon) {
  for (std::size_t i = 0; i < homes().size(); ++i)
    if (auto folder = folder_of(i, daemon); !folder.empty())
      ::rmdir(folder.c_str());
}

void cgroups::clear() {
  if (!known_)
    return;
  std::set<std::string> folders;
  for (auto& home : homes())
    if (!home.folder.empty())
      folders.insert(home.folder);
  for (auto& folder : folders) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{folder, error})
      if (entry.is_directory(error))
        ::rmdir(entry.path().c_str());
    ::rmdir(folder.c_str());
  }
}

namespace {

int limit_open_files(pid_t pid, std::uint64_t count) {
  rlimit value{count, count};
  if (count == 0)
    ::getrlimit(RLIMIT_NOFILE, &value);
  return ::prlimit(pid, RLIMIT_NOFILE, &value, nullptr) == 0 || errno == ESRCH ? 0 : errno;
}

} // namespace

caf::expected<void> change_open_files(pid_t leader, std::uint64_t count) {
  for (auto pid : session_of(leader))
    if (int error = limit_open_files(pid, count))
      return fail(
        errc::io_failure, "cannot limit open_files_max to {}: {}{}", count, std::strerror(error),
        error == EPERM ? "; more than it was started with needs CAP_SYS_RESOURCE, a restart of the daemon does not"
                       : "");
  return caf::unit;
}

} // namespace duende
