#include "monitors/observer/cgroup_eye.hpp"

#include "monitors/usage/proc_dir.hpp"
#include "monitors/usage/proc_text.hpp"

#include <fcntl.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace duende {
namespace {

constexpr std::size_t longest = 4096; ///< of what is read at once

struct membership {
  std::string controllers; ///< "" is v2
  std::string path;
};

/// /proc/PID/cgroup: "4:memory:/a/b" or "0::/a/b".
std::vector<membership> memberships(int process) {
  std::array<char, longest> buffer;
  std::string_view text = read_small(process, "cgroup", buffer);
  std::vector<membership> result;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos)
      continue;
    result.push_back({std::string{line.substr(first + 1, second - first - 1)}, std::string{line.substr(second + 1)}});
  }
  return result;
}

bool lists(std::string_view controllers, std::string_view name) {
  while (!controllers.empty()) {
    auto word = controllers.substr(0, controllers.find(','));
    controllers.remove_prefix(std::min(controllers.size(), word.size() + 1));
    if (word == name)
      return true;
  }
  return false;
}

struct hierarchy {
  bool unified = false;
  std::string options; ///< of the superblock: v1's controllers are among them
  std::string root, mount;
};

/// Where cgroups are mounted: proc_pid_mountinfo(5).
std::vector<hierarchy> hierarchies() {
  std::vector<hierarchy> result;
  std::ifstream file{"/proc/self/mountinfo"};
  for (std::string line; std::getline(file, line);) {
    auto dash = line.find(" - ");
    if (dash == std::string::npos || line.compare(dash + 3, 6, "cgroup") != 0)
      continue;
    std::istringstream head{line.substr(0, dash)}, tail{line.substr(dash + 3)};
    std::string skip, type;
    hierarchy found;
    head >> skip >> skip >> skip >> found.root >> found.mount;
    tail >> type >> skip >> found.options;
    found.unified = type == "cgroup2";
    result.push_back(std::move(found));
  }
  return result;
}

/// The folder of the process's own cgroup for that controller ("" is v2); empty where it shares it with us.
std::string own_folder(
  std::string_view controller, const std::vector<membership>& its, const std::vector<membership>& ours,
  const std::vector<hierarchy>& mounts) {
  auto of = [&](const std::vector<membership>& list) -> const membership* {
    for (const auto& each : list)
      if (controller.empty() ? each.controllers.empty() : lists(each.controllers, controller))
        return &each;
    return nullptr;
  };
  const auto *its_own = of(its), *our_own = of(ours);
  if (its_own == nullptr || our_own == nullptr || its_own->path == our_own->path)
    return {};
  for (const auto& mount : mounts) {
    if (controller.empty() ? !mount.unified : mount.unified || !lists(mount.options, controller))
      continue;
    if (mount.root == "/")
      return mount.mount + its_own->path;
    if (its_own->path.starts_with(mount.root))
      return mount.mount + its_own->path.substr(mount.root.size());
  }
  return {};
}

open_file open_figure(const std::string& folder, const char* name) {
  return folder.empty() ? open_file{} : open_file{::open((folder + "/" + name).c_str(), O_RDONLY | O_CLOEXEC)};
}

/// False where the file can't be read any more.
bool read_again(const open_file& file, std::array<char, longest>& buffer, std::string_view& text) {
  const auto size = pread(file.fd(), buffer.data(), buffer.size(), 0);
  text = {buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
  return size > 0;
}

} // namespace

std::unique_ptr<cgroup_eye> cgroup_eye::open(int process) {
  const auto its = memberships(process);
  const open_file self{::open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  const auto ours = memberships(self.fd());
  bool differs = its.size() != ours.size();
  for (std::size_t i = 0; !differs && i < its.size(); ++i)
    differs = its[i].path != ours[i].path;
  if (!differs || its.empty())
    return nullptr;
  const auto mounts = hierarchies();
  auto result = std::make_unique<cgroup_eye>();
  auto& r = *result;
  const auto unified = own_folder("", its, ours, mounts);
  r.memory_ = open_figure(unified, "memory.current");
  r.cpu_ = open_figure(unified, "cpu.stat");
  r.pids_ = open_figure(unified, "pids.current");
  r.pressure_[0] = open_figure(unified, "cpu.pressure");
  r.pressure_[1] = open_figure(unified, "memory.pressure");
  r.pressure_[2] = open_figure(unified, "io.pressure");
  if (!r.memory_)
    r.memory_ = open_figure(own_folder("memory", its, ours, mounts), "memory.usage_in_bytes");
  if (!r.pids_)
    r.pids_ = open_figure(own_folder("pids", its, ours, mounts), "pids.current");
  if (!r.cpu_) {
    r.cpu_ = open_figure(own_folder("cpuacct", its, ours, mounts), "cpuacct.usage");
    r.cpu_is_nanoseconds_ = true;
  }
  return r.memory_ || r.cpu_ || r.pids_ ? std::move(result) : nullptr;
}

bool cgroup_eye::look(cgroup_sample& into) const {
  into = {};
  std::array<char, longest> buffer;
  std::string_view text;
  bool there = false;
  if (memory_ && read_again(memory_, buffer, text)) {
    into.memory_bytes = whole_number(text).value_or(unknown_figure);
    there = true;
  }
  if (cpu_ && read_again(cpu_, buffer, text)) {
    const auto used = cpu_is_nanoseconds_ ? whole_number(text) : number_after(text, "usage_usec");
    into.cpu_ns = used ? *used * (cpu_is_nanoseconds_ ? 1 : 1000) : unknown_figure;
    there = true;
  }
  if (pids_ && read_again(pids_, buffer, text)) {
    into.pids = static_cast<std::uint32_t>(whole_number(text).value_or(unknown_count));
    there = true;
  }
  float* const to[] = {&into.cpu_pressure, &into.memory_pressure, &into.io_pressure};
  for (std::size_t i = 0; i < pressure_.size(); ++i)
    if (pressure_[i] && read_again(pressure_[i], buffer, text))
      if (const auto p = parse_pressure(text))
        *to[i] = static_cast<float>(p->some_10s);
  return there;
}

} // namespace duende
