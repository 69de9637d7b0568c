// Tries one thing that a sandbox may refuse, and exits with errno: 0 where it was let.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int result(long value) { return value < 0 ? errno : 0; }

static int forbidden(void) { return result(ptrace(PTRACE_TRACEME, 0, 0, 0)); }

static void* forbidden_in_thread(void* unused) {
  (void)unused;
  forbidden();
  return 0;
}

// A way that stays inside: a listener on the loopback, and one who connects to it.
static int loopback(void) {
  struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof where;
  int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
  if (
    bind(server, (struct sockaddr*)&where, sizeof where) != 0 || listen(server, 1) != 0
    || getsockname(server, (struct sockaddr*)&where, &size) != 0)
    return errno;
  return result(connect(client, (struct sockaddr*)&where, sizeof where));
}

static int reach(const char* address, int port) {
  struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  inet_pton(AF_INET, address, &where.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  return fd < 0 ? errno : result(connect(fd, (struct sockaddr*)&where, sizeof where));
}

static int write_file(const char* path) {
  int fd = open(path, O_WRONLY | O_CREAT, 0644);
  return fd < 0 ? errno : result(write(fd, "x", 1));
}

static int read_file(const char* path) {
  char byte;
  int fd = open(path, O_RDONLY);
  return fd < 0 ? errno : result(read(fd, &byte, 1));
}

int main(int count, char** words) {
  if (count < 2)
    return 99;
  const char* what = words[1];
  const char* object = count > 2 ? words[2] : "";
  if (strcmp(what, "forbidden") == 0)
    return forbidden();
  if (strcmp(what, "forbidden-in-thread") == 0) {
    pthread_t thread;
    pthread_create(&thread, 0, forbidden_in_thread, 0);
    pthread_join(thread, 0);
    return 0;
  }
  if (strcmp(what, "forbidden-deaf") == 0) { // no signal of ours but SIGKILL ends it
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, 0);
    return forbidden();
  }
  if (strcmp(what, "forbidden-in-child") == 0) {
    int status = 0;
    if (fork() == 0)
      _exit(forbidden());
    wait(&status);
    return WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  if (strcmp(what, "forbidden-later") == 0) { // once the file is there
    while (access(object, F_OK) != 0)
      usleep(1000);
    return forbidden();
  }
  if (strcmp(what, "whole") == 0) { // what an ordinary program does
    char* memory = malloc(1 << 20);
    memset(memory, 1, 1 << 20);
    int ends[2], status = 0;
    if (pipe(ends) != 0 || fork() == 0)
      _exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
    wait(&status);
    struct stat info;
    if (stat("/", &info) != 0 || getpid() <= 0 || read(ends[0], memory, 1) != 1)
      return 1;
    printf("whole\n");
    return fflush(stdout) == 0 && status == 0 ? loopback() : 1;
  }
  if (strcmp(what, "namespace") == 0)
    return result(syscall(SYS_clone, 0x10000000 | SIGCHLD, 0, 0, 0, 0)); // CLONE_NEWUSER
  if (strcmp(what, "raw-socket") == 0)
    return result(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  if (strcmp(what, "loopback") == 0)
    return loopback();
  if (strcmp(what, "reach") == 0)
    return reach(object, count > 3 ? atoi(words[3]) : 80);
  if (strcmp(what, "read") == 0)
    return read_file(object);
  if (strcmp(what, "write") == 0)
    return write_file(object);
  if (strcmp(what, "remove") == 0)
    return result(unlink(object));
  if (strcmp(what, "lock") == 0) {
    int outcome = result(mlockall(MCL_CURRENT | MCL_FUTURE));
    if (count > 2) // stays
      pause();
    return outcome;
  }
  return 98;
}
