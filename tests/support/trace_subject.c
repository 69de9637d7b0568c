/* Daemons with a known fault, for the tracer: trace_subject MODE [FILE]. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void nap(long us) {
  struct timespec t = {us / 1000000, us % 1000000 * 1000};
  nanosleep(&t, NULL);
}

static long long now_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Not inlined, and not the last thing that is called: the stack has to show them. */
__attribute__((noinline)) static int flush_page(int fd, const char* page, size_t size) {
  ssize_t n = pwrite(fd, page, size, 0); /* the traced line */
  return n == (ssize_t)size ? 0 : -1;
}

__attribute__((noinline)) static int store(int fd) {
  char page[512];
  memset(page, 'x', sizeof page);
  int result = flush_page(fd, page, sizeof page); /* its caller */
  return result + page[17] - 'x';
}

static int source(const char* file) {
  int fd = open(file, O_CREAT | O_RDWR, 0600);
  while (store(fd) == 0)
    nap(2000);
  return 1;
}

/* Answers each byte after a while. */
static volatile sig_atomic_t slow;
static void on_usr1(int number) {
  (void)number;
  slow = 1;
}

struct server {
  int fd;
  long usual_us, slow_us;
  const char* file;
};

static void* serve(void* argument) {
  struct server* me = argument;
  char byte;
  int told = 0;
  pthread_setname_np(pthread_self(), "database");
  while (read(me->fd, &byte, 1) == 1) {
    if (slow && !told && me->file) {
      FILE* out = fopen(me->file, "w");
      fprintf(out, "%lld\n", now_ns(CLOCK_REALTIME));
      fclose(out);
      told = 1;
    }
    nap(slow ? me->slow_us : me->usual_us);
    if (write(me->fd, &byte, 1) != 1)
      break;
  }
  return NULL;
}

static int start_server(struct server* with) {
  int ends[2];
  pthread_t thread;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
    exit(1);
  with->fd = ends[1];
  pthread_create(&thread, NULL, serve, with);
  return ends[0];
}

static int spike(const char* file) {
  static struct server with = {0, 2000, 20000, NULL};
  char byte = 'q';
  with.file = file;
  signal(SIGUSR1, on_usr1);
  int fd = start_server(&with);
  while (send(fd, &byte, 1, 0) == 1 && recv(fd, &byte, 1, 0) == 1) {
  }
  return 1;
}

/* Takes sometimes more, sometimes less. */
static int noisy(void) {
  static struct server with = {0, 500, 500, NULL};
  char byte = 'q';
  unsigned seed = 17;
  int fd = start_server(&with);
  while (send(fd, &byte, 1, 0) == 1 && recv(fd, &byte, 1, 0) == 1)
    with.usual_us = 300 + rand_r(&seed) % 1500 + (now_ns(CLOCK_MONOTONIC) / 300000000 % 3) * 700;
  return 1;
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void* waiter(void* argument) {
  (void)argument;
  pthread_setname_np(pthread_self(), "waiter");
  while (1) {
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    nap(1000);
  }
  return NULL;
}

/* All wait for one that waits for its database. */
static int bottleneck(void) {
  static struct server with = {0, 40000, 40000, NULL};
  pthread_t threads[2];
  char byte = 'q';
  for (int i = 0; i < 2; ++i)
    pthread_create(&threads[i], NULL, waiter, NULL);
  int fd = start_server(&with);
  pthread_setname_np(pthread_self(), "worker");
  while (1) {
    pthread_mutex_lock(&gate);
    if (send(fd, &byte, 1, 0) != 1 || recv(fd, &byte, 1, 0) != 1)
      return 1;
    pthread_mutex_unlock(&gate);
    nap(500);
  }
}

static int tight(void) {
  for (;;) {
    for (int i = 0; i < 1000; ++i)
      if (syscall(SYS_getppid) < 0)
        return 1;
    nap(200000);
  }
}

static int busy_poll(void) {
  int ends[2];
  if (pipe(ends) != 0)
    return 1;
  struct pollfd wait = {ends[0], POLLIN, 0};
  while (poll(&wait, 1, 1) == 0) {
  }
  return 1;
}

static void* contender(void* argument) {
  static volatile long shared;
  (void)argument;
  while (1) {
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 20; ++i)
      ++shared;
    sched_yield();
    pthread_mutex_unlock(&gate);
  }
  return NULL;
}

static int contended(void) {
  pthread_t threads[3];
  for (int i = 0; i < 3; ++i)
    pthread_create(&threads[i], NULL, contender, NULL);
  contender(NULL);
  return 1;
}

static int churn(void) {
  while (1) {
    char* p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
      return 1;
    p[0] = 1;
    munmap(p, 65536);
    nap(50);
  }
}

/* A child after the trace began. */
static int forks(const char* file) {
  while (1) {
    pid_t child = fork();
    if (child == 0) {
      for (int i = 0; i < 20; ++i)
        truncate(file, 0);
      _exit(0);
    }
    waitpid(child, NULL, 0);
    nap(20000);
  }
}

/* Reads and writes, and says how much CPU time that took: FILE has "CPU_NS WALL_NS" for each round. */
static int heavy(const char* file) {
  static char page[65536];
  int data = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
  FILE* out = fopen(file, "a");
  if (data < 0 || out == NULL)
    return 1;
  while (1) {
    long long cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID), wall = now_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < 4000; ++i) {
      if (pwrite(data, page, sizeof page, (i & 15) * (off_t)sizeof page) < 0 || pread(data, page, sizeof page, 0) < 0)
        return 1;
    }
    fprintf(out, "%lld %lld\n", now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu, now_ns(CLOCK_MONOTONIC) - wall);
    fflush(out);
  }
}

int main(int argc, char** argv) {
  const char *mode = argc > 1 ? argv[1] : "", *file = argc > 2 ? argv[2] : "";
  if (strcmp(mode, "source") == 0)
    return source(file);
  if (strcmp(mode, "spike") == 0)
    return spike(file);
  if (strcmp(mode, "noisy") == 0)
    return noisy();
  if (strcmp(mode, "bottleneck") == 0)
    return bottleneck();
  if (strcmp(mode, "tight") == 0)
    return tight();
  if (strcmp(mode, "poll") == 0)
    return busy_poll();
  if (strcmp(mode, "contended") == 0)
    return contended();
  if (strcmp(mode, "churn") == 0)
    return churn();
  if (strcmp(mode, "forks") == 0)
    return forks(file);
  if (strcmp(mode, "heavy") == 0)
    return heavy(file);
  fprintf(stderr, "usage: trace_subject MODE [FILE]\n");
  return 2;
}
