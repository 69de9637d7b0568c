// The keeper alone beside a bare loop of posix_spawn in the same run: keeper_bench [CHILDREN].
// Prints one line a row: ours, floor, their ratio; and what the keeper costs in processor time and memory.
#include "backends/native/link.hpp"
#include "backends/native/spawn_keeper.hpp"
#include "core/reactor.hpp"

#include <fmt/format.h>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>

extern char** environ;
using namespace duende;

namespace {

constexpr int rounds = 300;

double microseconds(instant from) { return std::chrono::duration<double, std::micro>(monotonic_now() - from).count(); }

/// Time on a processor in microseconds (/proc/PID/schedstat).
double processor_time(pid_t pid) {
  double nanoseconds = 0;
  std::ifstream{fmt::format("/proc/{}/schedstat", pid)} >> nanoseconds;
  return nanoseconds / 1000;
}

long private_kib(pid_t pid) {
  std::ifstream file{fmt::format("/proc/{}/smaps_rollup", pid)};
  long sum = 0;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("Private_"))
      sum += std::atol(line.substr(line.find(':') + 1).c_str());
  return sum;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

pid_t bare_spawn(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), environ);
  return pid;
}

struct counts {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t launched = 0, exited = 0;
  void wait(std::size_t counts::*member, std::size_t target) {
    std::unique_lock lock{mutex};
    if (!changed.wait_for(lock, std::chrono::seconds{60}, [&] { return this->*member >= target; }))
      std::exit((fmt::print("the keeper does not answer\n"), 1));
  }
};

} // namespace

int main(int argc, char** argv) {
  const std::size_t children = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1000;
  char name[] = "/tmp/keeper-bench-XXXXXX";
  std::string dir = mkdtemp(name);
  auto worker = std::filesystem::canonical("/proc/self/exe").parent_path().string() + "/bench_worker";
  auto record = dir + "/records";
  reactor io;
  counts seen;
  link_events events;
  auto count = [&](std::size_t counts::*member) {
    std::lock_guard lock{seen.mutex};
    ++(seen.*member);
    seen.changed.notify_all();
  };
  events.on_launched = [&](launched) { count(&counts::launched); };
  events.on_exit = [&](process_exit) { count(&counts::exited); };
  events.on_launch_failed = [](launch_failure f) { std::exit((fmt::print("{}\n", f.text), 1)); };
  std::vector<daemon_channels> channels;
  events.on_channels = [&](daemon_channels fresh) { channels.push_back(fresh); };
  auto started = spawn_keeper(dir, dir);
  auto link = started ? keeper_link::connect(io, started->fd, events) : started.error();
  if (!link) {
    fmt::print("{}\n", sentence(link.error()));
    return 1;
  }
  (*link)->start();
  auto keeper = started->pid;

  auto request = [&](uuid id, std::uint32_t incarnation, std::vector<std::string> words) {
    launch_request result;
    result.id = id;
    result.incarnation = incarnation;
    result.path = words[0];
    result.argv = std::move(words);
    return result;
  };
  auto serial = [&](const char* what) {
    std::vector<double> ours, floor;
    auto id = uuid::random();
    auto before = processor_time(keeper);
    auto base = seen.exited;
    for (std::uint32_t i = 1; i <= rounds; ++i) {
      auto from = monotonic_now();
      (*link)->launch(request(id, i, {worker, record, "exit", "0"}));
      seen.wait(&counts::exited, base + i);
      ours.push_back(microseconds(from));
    }
    auto cost = (processor_time(keeper) - before) / rounds;
    for (int i = 0; i < rounds; ++i) {
      auto from = monotonic_now();
      waitpid(bare_spawn({worker, record, "exit", "0"}), nullptr, 0);
      floor.push_back(microseconds(from));
    }
    fmt::print(
      "{}: {:.0f} us, floor {:.0f} us, ratio {:.2f}; keeper {:.0f} us of processor time each\n", what, median(ours),
      median(floor), median(ours) / median(floor), cost);
  };
  serial("start to end, one at a time");
  std::vector<uuid> ids(children);
  auto before = processor_time(keeper);
  auto base = seen.launched;
  auto from = monotonic_now();
  for (auto& id : ids)
    (*link)->launch(request(id = uuid::random(), 1, {worker, record}));
  seen.wait(&counts::launched, base + children);
  auto ours = microseconds(from);
  auto cost = (processor_time(keeper) - before) / static_cast<double>(children);
  fmt::print("keeper with {} children: {} KiB of private memory\n", children, private_kib(keeper));
  serial("the same beside them");
  base = seen.exited;
  for (auto& id : ids)
    (*link)->signal(id, 1, SIGKILL, signal_scope::group);
  seen.wait(&counts::exited, base + children);
  std::vector<pid_t> pids;
  from = monotonic_now();
  for (std::size_t i = 0; i < children; ++i)
    pids.push_back(bare_spawn({worker, record}));
  auto floor = microseconds(from);
  for (auto pid : pids) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  fmt::print(
    "{} starts: {:.0f} ms, floor {:.0f} ms, ratio {:.2f}; keeper {:.0f} us of processor time each\n", children,
    ours / 1000, floor / 1000, ours / floor, cost);
  link->reset();
  waitpid(keeper, nullptr, 0);
  std::filesystem::remove_all(dir);
}
