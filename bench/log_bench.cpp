// One daemon writing 100-byte lines: the capture against one process that reads the pipe in 64 KiB pieces and writes a file.
// Usage: log_bench [MiB] [rounds] [DIR] [bytes a write]. Writes to DIR/duende-log-bench. The order of the ways changes with the round; figures are medians.
#include "monitors/logs/capture.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace duende;

namespace {

struct sample {
  double seconds = 0;
  double reader_cpu = 0;
};

double cpu_of(const rusage& x) {
  return static_cast<double>(x.ru_utime.tv_sec + x.ru_stime.tv_sec)
         + 1e-6 * static_cast<double>(x.ru_utime.tv_usec + x.ru_stime.tv_usec);
}

pid_t spawn_writer(int fd, std::size_t total, std::size_t block) {
  auto pid = ::fork();
  if (pid != 0)
    return pid;
  std::string text(block, 'x');
  std::size_t column = 0; // lines of 100 bytes, also where a block is no multiple of that
  for (std::size_t done = 0; done < total; done += block) {
    for (auto i = (99 + 100 - column) % 100; i < block; i += 100)
      text[i] = '\n';
    if (::write(fd, text.data(), block) != static_cast<ssize_t>(block))
      ::_exit(1);
    if (block % 100 != 0) {
      for (auto i = (99 + 100 - column) % 100; i < block; i += 100)
        text[i] = 'x';
      column = (column + block) % 100;
    }
  }
  ::_exit(0);
}

/// The floor: a process of its own, as the writer is.
sample run_floor(const std::string& dir, std::size_t total, std::size_t block) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    std::abort();
  auto start = std::chrono::steady_clock::now();
  auto reader = ::fork();
  if (reader == 0) {
    ::close(ends[1]);
    int file = ::open((dir + "/floor").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    std::vector<char> buffer(64 << 10);
    for (ssize_t n; (n = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
      if (::write(file, buffer.data(), static_cast<std::size_t>(n)) != n)
        ::_exit(1);
    ::_exit(0);
  }
  ::close(ends[0]);
  auto writer = spawn_writer(ends[1], total, block);
  ::close(ends[1]);
  int status = 0;
  rusage usage{};
  ::waitpid(writer, &status, 0);
  ::wait4(reader, &status, 0, &usage);
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return {took.count(), cpu_of(usage)};
}

sample run_capture(const std::string& dir, std::size_t total, std::size_t block, bool timestamps) {
  int ends[2], stage[2];
  if (::pipe2(ends, O_CLOEXEC) != 0 || ::pipe2(stage, O_CLOEXEC) != 0)
    std::abort();
  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  auto start = std::chrono::steady_clock::now();
  {
    log_capture logs{{stage[0], stage[1], dir + "/journal", {}}};
    auto id = uuid::random();
    log_spec spec;
    spec.timestamps = timestamps;
    if (!logs.open(id, "bench", spec, dir + "/bench"))
      std::abort();
    auto writer = spawn_writer(ends[1], total, block);
    ::close(ends[1]);
    logs.attach(id, log_stream::out, ends[0]);
    int status = 0;
    ::waitpid(writer, &status, 0);
    std::promise<void> done;
    logs.drain(id, [&] { done.set_value(); });
    done.get_future().wait();
    if (logs.totals(id).out.bytes < total)
      std::fprintf(stderr, "only %llu bytes arrived\n", static_cast<unsigned long long>(logs.totals(id).out.bytes));
  }
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  ::getrusage(RUSAGE_SELF, &after);
  return {took.count(), cpu_of(after) - cpu_of(before)};
}

/// Deleting is not part of the figure.
void clean(const std::string& dir) {
  std::filesystem::remove_all(dir);
  std::filesystem::create_directory(dir);
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

} // namespace

int main(int argc, char** argv) {
  auto total = static_cast<std::size_t>(argc > 1 ? std::atoi(argv[1]) : 512) << 20;
  auto rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  // A folder of our own: it is emptied before every round.
  auto dir = (argc > 3 ? std::filesystem::path{argv[3]} : std::filesystem::temp_directory_path()) / "duende-log-bench";
  std::printf("%-22s %-7s %8s %8s %10s\n", "way", "write", "MB/s", "x floor", "reader cpu");
  std::vector<std::size_t> blocks{100, 4096, 65536};
  if (argc > 4)
    blocks = {static_cast<std::size_t>(std::atoi(argv[4]))};
  for (auto block : blocks) {
    std::map<int, std::vector<sample>> samples;
    for (int round = 0; round < rounds; ++round)
      for (int turn = 0; turn < 3; ++turn) {
        auto way = (turn + round) % 3;
        clean(dir);
        samples[way].push_back(way == 0 ? run_floor(dir, total, block) : run_capture(dir, total, block, way == 2));
      }
    double floor = 0;
    for (auto& [way, of] : samples) {
      std::vector<double> seconds, cpu;
      for (auto& x : of) {
        seconds.push_back(x.seconds);
        cpu.push_back(x.reader_cpu);
      }
      auto took = median(seconds);
      floor = way == 0 ? took : floor;
      const char* names[] = {"floor (read, write)", "duende, raw", "duende, time stamps"};
      std::printf(
        "%-22s %-7zu %8.0f %8.2f %9.3fs\n", names[way], block, static_cast<double>(total) / took / 1e6, floor / took,
        median(cpu));
      std::fflush(stdout);
    }
  }
  std::filesystem::remove_all(dir);
}
