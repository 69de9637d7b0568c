// The floor of most rows: what any supervisor must do, and no more. floor_keep N PROGRAM ARGS...: keeps N processes alive
// ("%d" in an argument is the number), by pidfd, epoll and posix_spawn. SIGTERM ends them all and then it; it prints
// "<restarts> <its own CPU in µs>".
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

struct child {
  pid_t pid;
  int fd;
};

static int events;
static char** command;
static posix_spawnattr_t attributes;

static int start(struct child* it, unsigned number) {
  char* words[32];
  static char texts[32][4096];
  int count = 0;
  for (; command[count] && count < 31; ++count) {
    char* at = strstr(command[count], "%d");
    if (at) {
      snprintf(
        texts[count], sizeof texts[count], "%.*s%u%s", (int)(at - command[count]), command[count], number, at + 2);
      words[count] = texts[count];
    } else {
      words[count] = command[count];
    }
  }
  words[count] = NULL;
  if (posix_spawn(&it->pid, words[0], NULL, &attributes, words, environ))
    return -1;
  it->fd = (int)syscall(SYS_pidfd_open, it->pid, 0);
  struct epoll_event wish = {.events = EPOLLIN, .data.u32 = number};
  return epoll_ctl(events, EPOLL_CTL_ADD, it->fd, &wish);
}

int main(int argc, char** argv) {
  if (argc < 3)
    return 2;
  unsigned total = (unsigned)atoi(argv[1]);
  command = argv + 2;
  struct child* children = calloc(total, sizeof *children);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  sigset_t none, term;
  sigemptyset(&none);
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, NULL);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  events = epoll_create1(EPOLL_CLOEXEC);
  int signals = signalfd(-1, &term, SFD_CLOEXEC);
  struct epoll_event wish = {.events = EPOLLIN, .data.u32 = total};
  epoll_ctl(events, EPOLL_CTL_ADD, signals, &wish);
  for (unsigned i = 0; i < total; ++i)
    if (start(&children[i], i))
      return 1;
  unsigned alive = total;
  long restarts = 0;
  int stopping = 0;
  while (alive > 0) {
    struct epoll_event ready[64];
    int count = epoll_wait(events, ready, 64, -1);
    for (int k = 0; k < count; ++k) {
      unsigned number = ready[k].data.u32;
      if (number == total) {
        struct signalfd_siginfo ignored;
        if (read(signals, &ignored, sizeof ignored) < 0)
          return 1;
        stopping = 1;
        for (unsigned i = 0; i < total; ++i)
          if (children[i].pid)
            kill(children[i].pid, SIGTERM);
        continue;
      }
      struct child* it = &children[number];
      if (waitpid(it->pid, NULL, WNOHANG) != it->pid)
        continue;
      epoll_ctl(events, EPOLL_CTL_DEL, it->fd, NULL);
      close(it->fd);
      it->pid = 0;
      if (stopping) {
        --alive;
      } else {
        ++restarts;
        if (start(it, number))
          return 1;
      }
    }
  }
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  printf(
    "%ld %ld\n", restarts,
    (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000L + used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  return 0;
}
