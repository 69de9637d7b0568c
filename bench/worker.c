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
    // Cheap to make: a writer slower than the pipe would hide what the reader costs. So each line keeps its place in the piece,
    // and its number grows by as many as there are, in place.
    enum { lines = 40, width = 100, last_digit = 14, first_digit = 5 };
    static char piece[lines * width];
    memset(piece, '-', sizeof piece);
    for (int i = 0; i < lines; ++i) {
      char* line = piece + i * width;
      long number = 10000000000L - lines + 1 + i; // one piece before the first: it wraps to 1, 2, 3 ...
      memcpy(line, "line ", 5);
      for (int at = last_digit; at >= first_digit; --at, number /= 10)
        line[at] = (char)('0' + number % 10);
      line[width - 1] = '\n';
    }
    for (long left = atol(argv[3]) << 20; left > 0; left -= (long)sizeof piece) {
      for (int i = 0; i < lines; ++i) {
        char* line = piece + i * width;
        int at = last_digit - 1;
        for (line[at] = (char)(line[at] + lines / 10); line[at] > '9'; ++line[at]) {
          line[at] = (char)(line[at] - 10);
          if (--at < first_digit)
            break;
        }
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
