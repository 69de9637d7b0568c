// Where control groups can be made, by cgroups(7) and the kernel's cgroup-v2.rst: the rules for those who are delegated a
// part of the tree, and that processes are only in its leaves.
#include "backends/native/cgroups.hpp"
#include "backends/native/small_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

#include <sys/stat.h>
#include <sys/xattr.h>

namespace duende {
namespace {

namespace fs = std::filesystem;

/// Where the node and its keeper go when the folder that they were started in becomes an inner one.
constexpr std::string_view own_leaf = "/duende-own";

struct hierarchy {
  std::string mount;
  std::string own;     ///< folder of this process, absolute
  bool at_top = false; ///< as far as can be seen from here
};

std::string_view word(std::string_view& rest) {
  auto end = std::min(rest.find(' '), rest.size());
  auto result = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return result;
}

bool lists(std::string_view list, std::string_view name, char separator) {
  while (!list.empty()) {
    auto end = std::min(list.find(separator), list.size());
    if (list.substr(0, end) == name)
      return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

/// "4:memory:/a/b" lines: the path of this process for a controller of version 1, or for "" of version 2.
std::string own_path(std::string_view text, std::string_view controller) {
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string_view::npos)
      continue;
    auto names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? names.empty() : lists(names, controller, ','))
      return std::string{line.substr(second + 1)};
  }
  return "/";
}

/// The hierarchy of a controller of version 1, or of version 2 where `controller` is empty.
std::optional<hierarchy>
find_hierarchy(const std::string& mounts, const std::string& memberships, std::string_view controller) {
  std::istringstream lines{mounts};
  for (std::string line; std::getline(lines, line);) {
    auto dash = line.find(" - ");
    if (dash == std::string::npos)
      continue;
    std::string_view after = std::string_view{line}.substr(dash + 3), before = line;
    auto type = word(after);
    word(after);
    if (controller.empty() ? type != "cgroup2" : type != "cgroup" || !lists(after, controller, ','))
      continue;
    for (int skipped = 0; skipped < 3; ++skipped)
      word(before);
    auto root = std::string{word(before)}, mount = std::string{word(before)};
    auto own = own_path(memberships, controller);
    if (root != "/" && own.starts_with(root)) // a container sees its own part only
      own.erase(0, root.size());
    if (own.ends_with(own_leaf))
      own.resize(own.size() - own_leaf.size());
    while (own.ends_with('/'))
      own.pop_back();
    return hierarchy{mount, mount + own, own.empty()};
  }
  return std::nullopt;
}

bool is_delegated(const std::string& folder) {
  char value[8];
  return ::getxattr(folder.c_str(), "user.delegate", value, sizeof value) > 0
         || ::getxattr(folder.c_str(), "trusted.delegate", value, sizeof value) > 0
         || (::geteuid() != 0 && ::access((folder + "/cgroup.procs").c_str(), W_OK) == 0);
}

std::string not_delegated(const std::string& folder) {
  return fmt::format(
    "'{}' may not be divided by this user; start the node as root, or by 'systemd-run --user --scope -p Delegate=yes'",
    folder);
}

/// Everybody leaves for a leaf; then the folder can have controllers for its children.
int move_down(const std::string& folder) {
  auto leaf = folder + std::string{own_leaf};
  if (::mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST)
    return errno;
  for (int tries = 0; tries < 10; ++tries) {
    auto pids = read_small(folder + "/cgroup.procs");
    if (!pids)
      return errno;
    if (pids->empty())
      return 0;
    std::istringstream each{*pids};
    for (std::string pid; std::getline(each, pid);)
      if (int error = write_small(leaf + "/cgroup.procs", pid); error != 0 && error != ESRCH)
        return error;
  }
  return EBUSY;
}

int enable(const std::string& folder, std::string_view controller, bool may_move) {
  auto file = folder + "/cgroup.subtree_control";
  if (auto known = read_small(file); known && lists(known->substr(0, known->find('\n')), controller, ' '))
    return 0;
  int error = write_small(file, fmt::format("+{}", controller));
  if (error == EBUSY && may_move) {
    error = move_down(folder);
    if (error == 0)
      error = write_small(file, fmt::format("+{}", controller));
  }
  return error;
}

cgroup_home home_v1(const hierarchy& in, const std::string& node) {
  cgroup_home home{cgroup_version::v1, in.mount, fmt::format("{}/duende-{}", in.own, node), {}};
  if (::access(in.own.c_str(), W_OK) != 0) {
    home.problem = not_delegated(in.own);
    home.folder.clear();
  }
  return home;
}

cgroup_home home_v2(const hierarchy& in, std::string_view controller, const std::string& node) {
  cgroup_home home{cgroup_version::v2, in.mount, {}, {}};
  // A node of root's that was started in some session makes its groups beside it: the session is not ours to divide.
  bool ours = in.at_top || is_delegated(in.own);
  if (!ours && ::geteuid() != 0) {
    home.problem = not_delegated(in.own);
    return home;
  }
  auto top = ours ? in.own : in.mount;
  auto offered = read_small(top + "/cgroup.controllers");
  if (!offered || !lists(offered->substr(0, offered->find('\n')), controller, ' ')) {
    home.problem = fmt::format("the kernel offers no controller '{}' in '{}'", controller, top);
    return home;
  }
  auto folder = fmt::format("{}/duende-{}", top, node);
  int error = enable(top, controller, ours);
  if (error == 0 && ::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
    error = errno;
  if (error == 0)
    error = enable(folder, controller, false);
  if (error != 0)
    home.problem = fmt::format("cannot divide '{}': {}", top, std::strerror(error));
  else
    home.folder = folder;
  return home;
}

} // namespace

cgroup_homes find_cgroup_homes(const std::string& node) {
  cgroup_homes homes;
  auto mounts = read_small("/proc/self/mountinfo").value_or("");
  auto memberships = read_small("/proc/self/cgroup").value_or("");
  auto unified = find_hierarchy(mounts, memberships, "");
  for (std::size_t i = 0; i < homes.size(); ++i) {
    auto legacy = to_string(all_controllers[i], cgroup_version::v1);
    if (auto found = find_hierarchy(mounts, memberships, legacy))
      homes[i] = home_v1(*found, node);
    else if (unified)
      homes[i] = home_v2(*unified, to_string(all_controllers[i], cgroup_version::v2), node);
    else
      homes[i].problem = "no control groups are mounted (mount -t cgroup2 none /sys/fs/cgroup)";
  }
  return homes;
}

std::vector<block_device> find_disks() {
  std::vector<block_device> disks;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{"/sys/block", error}) {
    auto name = entry.path().filename().string();
    if (name.starts_with("loop") || name.starts_with("ram") || name.starts_with("zram"))
      continue;
    block_device disk;
    auto number = read_small(entry.path().string() + "/dev");
    auto size = read_small(entry.path().string() + "/size");
    if (number && size && *size != "0\n" && std::sscanf(number->c_str(), "%u:%u", &disk.major, &disk.minor) == 2)
      disks.push_back(disk);
    if (disks.size() == 64)
      break;
  }
  return disks;
}

} // namespace duende
