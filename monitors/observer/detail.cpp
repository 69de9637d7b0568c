#include "monitors/observer/detail.hpp"

#include "monitors/usage/proc_dir.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <charconv>
#include <memory>
#include <unordered_map>

namespace duende {
namespace {

/// The folder of that very process; empty where it has ended.
open_file folder_of(pid_t pid, std::uint64_t start_time) {
  auto folder = open_process(pid);
  if (!folder)
    return {};
  std::array<char, 1024> buffer;
  const auto stat = parse_proc_stat(read_small(folder.fd(), "stat", buffer));
  return stat && (start_time == 0 || stat->start_time == start_time) ? std::move(folder) : open_file{};
}

std::uint64_t resident_bytes(pid_t pid) {
  static const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const auto folder = open_process(pid);
  std::array<char, 256> buffer;
  const auto memory = folder ? parse_proc_memory(read_small(folder.fd(), "statm", buffer)) : std::nullopt;
  return memory ? memory->resident * page : 0;
}

struct seen_process {
  tree_process process;
  std::vector<pid_t> children;
};

/// One pass over /proc, as children lists are not in every kernel and change while they are followed.
std::unordered_map<pid_t, seen_process> all_processes() {
  std::unordered_map<pid_t, seen_process> result;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc{opendir("/proc"), closedir};
  if (!proc)
    return result;
  std::array<char, 1024> buffer;
  std::array<char, 280> path;
  while (const auto* entry = readdir(proc.get())) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
      continue;
    std::snprintf(path.data(), path.size(), "%s/stat", entry->d_name);
    const auto text = read_small(dirfd(proc.get()), path.data(), buffer);
    const auto stat = parse_proc_stat(text);
    pid_t pid = 0;
    std::from_chars(text.data(), text.data() + text.size(), pid);
    if (!stat || pid == 0)
      continue;
    auto& p = result[pid].process;
    p.pid = pid;
    p.parent = stat->parent;
    p.command = stat->command;
    p.threads = static_cast<std::uint32_t>(stat->threads);
    p.cpu = from_clock_ticks(stat->user_ticks + stat->system_ticks);
  }
  for (auto& [pid, each] : result)
    if (auto parent = result.find(each.process.parent); parent != result.end())
      parent->second.children.push_back(pid);
  return result;
}

} // namespace

std::optional<memory_detail> read_memory_detail(pid_t pid, std::uint64_t start_time) {
  const auto folder = folder_of(pid, start_time);
  std::array<char, 2048> buffer;
  const auto text = folder ? read_small(folder.fd(), "smaps_rollup", buffer) : std::string_view{};
  auto bytes = [&](const char* key) { return number_after(text, key).value_or(0) * 1024; };
  if (!number_after(text, "Pss:"))
    return std::nullopt;
  return memory_detail{bytes("Rss:"), bytes("Pss:"), bytes("Private_Clean:") + bytes("Private_Dirty:"), bytes("Swap:")};
}

std::vector<tree_process> read_tree(pid_t pid, std::uint64_t start_time) {
  std::vector<tree_process> result;
  if (!folder_of(pid, start_time))
    return result;
  auto all = all_processes();
  std::vector<std::pair<pid_t, std::uint32_t>> todo{{pid, 0}};
  while (!todo.empty() && result.size() < most_in_tree) {
    auto [next, depth] = todo.back();
    todo.pop_back();
    auto found = all.find(next);
    if (found == all.end())
      continue;
    auto& seen = found->second;
    seen.process.depth = depth;
    seen.process.resident_bytes = resident_bytes(next); // more exact than stat's
    result.push_back(std::move(seen.process));
    for (auto child : seen.children)
      todo.emplace_back(child, depth + 1);
    all.erase(found); // numbers given anew during the pass could make a ring of it
  }
  return result;
}

all_pressure read_machine_pressure() {
  const open_file folder{open("/proc/pressure", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder)
    return {};
  std::array<char, 512> buffer;
  all_pressure result;
  result.cpu = parse_pressure(read_small(folder.fd(), "cpu", buffer));
  result.memory = parse_pressure(read_small(folder.fd(), "memory", buffer));
  result.io = parse_pressure(read_small(folder.fd(), "io", buffer));
  return result;
}

} // namespace duende
