// The daemon of the benchmarks: tiny and static, so that it costs next to nothing beside what is measured.
//   bench_worker FILE             appends "<pid> <CLOCK_MONOTONIC ns>" to FILE first of all, then sleeps
//   bench_worker FILE exit MS     ... then exits with 1 after MS milliseconds
//   bench_worker FILE lines MIB   ... then writes MIB of 100-byte lines to standard output, 4,000 bytes a write, and
//                                 a second record once the last is written; then sleeps
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void record(const char* path) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  char line[64];
  int size = snprintf(line, sizeof line, "%d %lld\n", getpid(), now.tv_sec * 1000000000LL + now.tv_nsec);
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (write(file, line, (size_t)size) != size)
    _exit(9);
  close(file);
}

int main(int argc, char** argv) {
  if (argc < 2)
    return 2;
  record(argv[1]);
  if (argc > 3 && !strcmp(argv[2], "exit")) {
    struct timespec nap = {0, atol(argv[3]) * 1000000L};
    nanosleep(&nap, NULL);
    return 1;
  }
  if (argc > 3 && !strcmp(argv[2], "lines")) {
    // Cheap to make: a writer slower than the pipe would hide what the reader costs.
    static char piece[4000];
    memset(piece, '-', sizeof piece);
    for (int i = 0; i < 40; ++i) {
      memcpy(piece + i * 100, "line ", 5);
      piece[i * 100 + 99] = '\n';
    }
    long number = 0;
    for (long left = atol(argv[3]) << 20; left > 0; left -= (long)sizeof piece) {
      for (int i = 0; i < 40; ++i) {
        long rest = ++number;
        for (char* digit = piece + i * 100 + 14; digit >= piece + i * 100 + 5; --digit, rest /= 10)
          *digit = (char)('0' + rest % 10);
      }
      for (size_t done = 0; done < sizeof piece;) {
        ssize_t n = write(1, piece + done, sizeof piece - done);
        if (n <= 0)
          return 8;
        done += (size_t)n;
      }
    }
    record(argv[1]);
    close(1);
  }
  for (;;)
    pause();
}
