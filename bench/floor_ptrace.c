/* What strace does at the least: usage: floor_ptrace PID SECONDS. Stops the process at the begin and the end of each system call. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char** argv) {
  if (argc < 3)
    return 2;
  pid_t pid = atoi(argv[1]);
  double end = now() + atof(argv[2]);
  int status = 0;
  long stops = 0;
  if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) != 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) != 0)
    return 1;
  while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
    int group_stop_or_call = WSTOPSIG(status) == (SIGTRAP | 0x80) || status >> 16 != 0;
    ++stops;
    if (now() >= end)
      break;
    if (ptrace(PTRACE_SYSCALL, pid, 0, group_stop_or_call ? 0 : WSTOPSIG(status)) != 0)
      break;
  }
  ptrace(PTRACE_DETACH, pid, 0, 0);
  printf("%ld\n", stops / 2);
  return 0;
}
