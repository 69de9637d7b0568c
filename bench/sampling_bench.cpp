// One look at each of N processes, beside pread(2) of the same files and nothing else. Prints, for each round, per process:
// "ours NS idle NS floor NS": of processes that have run since the look before, and of those that have not; at the end "allocations N" of
// all samples but the first of each process.
#include "monitors/observer/observation.hpp"
#include "monitors/usage/proc_text.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

static std::uint64_t allocations = 0;

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size))
    return memory;
  throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace duende;

/// The descriptors of one process as a bare program would hold them.
struct bare {
  std::array<int, 5> files;
  int folder;
  clockid_t clock;
};

bare open_bare(pid_t pid) {
  const auto root = fmt::format("/proc/{}/", pid);
  const std::array names = {
    std::string{"stat"}, std::string{"statm"}, std::string{"io"}, std::string{"schedstat"},
    fmt::format("task/{}/children", pid)};
  bare result{};
  for (std::size_t i = 0; i < names.size(); ++i)
    result.files[i] = open((root + names[i]).c_str(), O_RDONLY | O_CLOEXEC);
  result.folder = open((root + "fd").c_str(), O_PATH | O_CLOEXEC);
  clock_getcpuclockid(pid, &result.clock);
  return result;
}

void read_bare(const std::vector<bare>& all) {
  std::array<char, 1024> buffer;
  for (const auto& each : all) {
    for (int fd : each.files)
      [[maybe_unused]] auto size = pread(fd, buffer.data(), buffer.size(), 0);
    struct stat folder;
    fstat(each.folder, &folder);
    timespec used;
    clock_gettime(each.clock, &used);
  }
}

/// The thread's own CPU time: others on the machine do not count.
double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class Work>
double cost(Work work) {
  const auto begin = cpu_ns();
  work();
  return cpu_ns() - begin;
}

/// Has all of them run a little.
void wake(const std::vector<pid_t>& pids) {
  for (auto pid : pids)
    kill(pid, SIGUSR1);
  std::this_thread::sleep_for(std::chrono::milliseconds{200});
}

} // namespace

int main(int argc, char** argv) {
  signal(SIGUSR1, [](int) {});
  const int count = argc > 1 ? std::atoi(argv[1]) : 1000, rounds = argc > 2 ? std::atoi(argv[2]) : 20;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  std::vector<pid_t> pids;
  for (int i = 0; i < count; ++i) {
    const auto pid = fork();
    if (pid == 0)
      for (;;)
        pause();
    pids.push_back(pid);
  }
  observation all{std::chrono::minutes{5}, static_cast<std::size_t>(count) * process_eye::descriptors};
  std::vector<bare> floor;
  auto now = instant{std::chrono::hours{1}};
  for (auto pid : pids) {
    const auto id = uuid::random();
    all.bind(id, pid, clock_ticks_now());
    all.set_interval(id, std::chrono::seconds{1}, now);
    floor.push_back(open_bare(pid));
  }
  auto look = [&] {
    now += std::chrono::seconds{1};
    while (all.look(now, wall_now(), 32)) {
    }
  };
  look();
  read_bare(floor);
  const auto before = allocations;
  for (int round = 0; round < rounds; ++round) {
    wake(pids);
    const auto ours = cost(look), theirs = cost([&] { read_bare(floor); }), idle = cost(look);
    std::printf("ours %.0f idle %.0f floor %.0f\n", ours / count, idle / count, theirs / count);
  }
  std::printf("allocations %llu\n", static_cast<unsigned long long>(allocations - before));
  for (auto pid : pids) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
}
