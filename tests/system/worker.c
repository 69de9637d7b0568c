// The daemon of the system tests. worker FILE MODE [ARGS]: appends "<pid> <CLOCK_MONOTONIC ns>" to FILE first of all.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static void put(const char* path, const char* text, size_t size) {
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (write(file, text, size) != (ssize_t)size)
    _exit(9);
  close(file);
}

static const char* config;
static const char* shown;

// "Reload": what the configuration says now is shown.
static void on_hup(int number) {
  (void)number;
  char text[256];
  int file = open(config, O_RDONLY | O_CLOEXEC);
  ssize_t size = file < 0 ? 0 : read(file, text, sizeof text);
  close(file);
  if (size > 0)
    put(shown, text, (size_t)size);
}

static void on_term_exit(int number) {
  (void)number;
  _exit(0);
}

static volatile sig_atomic_t asked_to_end;

static void note_term(int number) {
  (void)number;
  asked_to_end = 1;
}

// One request after another on descriptor 3; a stop waits for the answer under way.
static int serve(void) {
  const char* pid = getenv("LISTEN_PID");
  if (!pid || atoi(pid) != getpid() || !getenv("LISTEN_FDS"))
    return 7;
  sigset_t term, none;
  sigemptyset(&none);
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, NULL);
  struct sigaction act = {.sa_handler = note_term};
  sigaction(SIGTERM, &act, NULL);
  fcntl(3, F_SETFL, fcntl(3, F_GETFL) | O_NONBLOCK); // another instance may be faster
  for (;;) {
    struct pollfd waiting = {3, POLLIN, 0};
    ppoll(&waiting, 1, NULL, &none);
    if (asked_to_end)
      return 0;
    int peer = accept(3, NULL, NULL);
    if (peer < 0)
      continue;
    char request[4096], body[256], answer[512];
    if (read(peer, request, sizeof request) > 0) {
      int size = snprintf(body, sizeof body, "%d %s %s\n", getpid(), getenv("LISTEN_FDS"), getenv("LISTEN_FDNAMES"));
      size = snprintf(
        answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", size, body);
      if (write(peer, answer, (size_t)size) != size)
        return 8;
    }
    close(peer);
  }
}

// Sends `text` to $NOTIFY_SOCKET, with a descriptor beside it where `fd` is one.
static void notify(const char* text, int fd) {
  const char* path = getenv("NOTIFY_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char control[CMSG_SPACE(sizeof fd)] = {0};
  struct iovec part = {(void*)text, strlen(text)};
  struct msghdr message = {.msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &part, .msg_iovlen = 1};
  int to = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (!path)
    _exit(7);
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    struct cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
  }
  if (sendmsg(to, &message, 0) < 0)
    _exit(8);
  close(to);
}

// The descriptor of that name among those that were passed; -1 where there is none.
static int passed(const char* name) {
  const char* names = getenv("LISTEN_FDNAMES");
  const char* pid = getenv("LISTEN_PID");
  if (!names || !pid || atoi(pid) != getpid())
    return -1;
  for (int fd = 3;; ++fd) {
    size_t size = strcspn(names, ":");
    if (size == strlen(name) && !strncmp(names, name, size))
      return fd;
    if (!names[size])
      return -1;
    names += size + 1;
  }
}

// Leaves a counter in memory and a connection to its next life; appends "<lives> <names>" to FILE.
static void keep(const char* file, const char* peer) {
  int memory = passed("memory"), connection = passed("peer");
  char text[512] = "0";
  if (memory >= 0 && pread(memory, text, sizeof text - 1, 0) < 0)
    _exit(8);
  int lives = atoi(text) + 1;
  if (memory < 0)
    memory = memfd_create("memory", MFD_CLOEXEC);
  int size = snprintf(text, sizeof text, "%d", lives);
  if (pwrite(memory, text, (size_t)size, 0) != size)
    _exit(8);
  notify("FDSTORE=1\nFDNAME=memory", memory); // each time: the same one is not kept twice
  if (connection < 0) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, peer, sizeof address.sun_path - 1);
    connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection, (struct sockaddr*)&address, sizeof address) == 0)
      notify("FDSTORE=1\nFDNAME=peer", connection);
  }
  size = snprintf(text, sizeof text, "life %d\n", lives);
  if (send(connection, text, (size_t)size, MSG_NOSIGNAL) != size) {
  }
  const char* names = getenv("LISTEN_FDNAMES");
  size = snprintf(text, sizeof text, "%d %s\n", lives, names ? names : "");
  notify("READY=1", -1);
  put(file, text, (size_t)size);
}

int main(int count, char** words) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  char line[64];
  int size = snprintf(line, sizeof line, "%d %lld\n", getpid(), now.tv_sec * 1000000000LL + now.tv_nsec);
  if (count < 2)
    return 2;
  put(words[1], line, (size_t)size);
  const char* mode = count > 2 ? words[2] : "idle";
  const char* first = count > 3 ? words[3] : "";
  const char* second = count > 4 ? words[4] : "";

  if (!strcmp(mode, "exit")) { // MS CODE
    usleep((useconds_t)atoi(first) * 1000);
    return atoi(second);
  } else if (!strcmp(mode, "gentle")) { // ends with 0 when asked to
    signal(SIGTERM, on_term_exit);
  } else if (!strcmp(mode, "stubborn")) { // SIGTERM does nothing
    signal(SIGTERM, SIG_IGN);
  } else if (!strcmp(mode, "reload")) { // CONFIG SHOWN
    config = first;
    shown = second;
    signal(SIGHUP, on_hup);
  } else if (!strcmp(mode, "environment")) { // FILE
    for (char** each = environ; *each; ++each) {
      put(first, *each, strlen(*each));
      put(first, "\n", 1);
    }
  } else if (!strcmp(mode, "relative")) { // writes "here" to its working directory
    put("here", "yes", 3);
  } else if (!strcmp(mode, "crash")) { // MS
    usleep((useconds_t)atoi(first) * 1000);
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
  } else if (!strcmp(mode, "family")) { // N children of its own, each of which leaves an orphan behind
    for (int i = 0; i < atoi(first); ++i) {
      if (fork() == 0) {
        if (fork() == 0)
          usleep(20000);
        _exit(0);
      }
    }
    while (wait(NULL) > 0 || errno == EINTR) {
    }
  } else if (!strcmp(mode, "group")) { // a child that ignores SIGTERM, as part of the group
    if (fork() == 0) {
      signal(SIGTERM, SIG_IGN);
      for (;;)
        pause();
    }
  } else if (!strcmp(mode, "eat")) { // MIB SECONDS: resident memory, and CPU time
    size_t bytes = (size_t)atoi(first) << 20;
    char* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 1, bytes);
    while (clock() < atoi(second) * (clock_t)CLOCKS_PER_SEC) {
    }
    put(words[1], "0 0\n", 4);         // done eating
  } else if (!strcmp(mode, "forks")) { // as many as it may have: "COUNT ERROR"
    int processes = 1;
    for (pid_t pid; (pid = fork()) >= 0; ++processes)
      if (pid == 0)
        for (;;)
          pause();
    printf("%d %s\n", processes, errno == EAGAIN ? "EAGAIN" : strerror(errno));
    fflush(stdout);
  } else if (!strcmp(mode, "direct")) { // TARGET MIB: written past the page cache
    size_t piece = 256 << 10;
    void* data = mmap(NULL, piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int file = open(first, O_WRONLY | O_CREAT | O_CLOEXEC | O_DIRECT, 0644);
    if (file < 0)
      return errno == EINVAL ? 3 : 4;
    memset(data, 1, piece);
    for (int i = 0; i < atoi(second) * 4; ++i)
      if (write(file, data, piece) != (ssize_t)piece)
        return 5;
    return 0;
  } else if (!strcmp(mode, "lines")) { // N: numbered lines, as fast as it goes
    setvbuf(stdout, NULL, _IOFBF, 65536);
    for (long i = 1; i <= atol(first); ++i)
      printf("line %ld ------------------------------------------------------------------------\n", i);
    fflush(stdout);
  } else if (!strcmp(mode, "keep")) { // FILE PEER
    keep(first, second);
  } else if (!strcmp(mode, "lastwords")) { // N lines, then SIGSEGV
    for (int i = 1; i <= atoi(first); ++i)
      printf("word %d\n", i);
    fflush(stdout);
    fprintf(stderr, "the end is near\n");
    raise(atoi(second) ? atoi(second) : SIGSEGV);
  } else if (!strcmp(mode, "serve")) { // on the socket that is passed
    return serve();
  } else if (!strcmp(mode, "count")) { // state of its own in FILE: one more on each start
    char text[32] = "0";
    int file = open(first, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (read(file, text, sizeof text - 1) < 0)
      return 8;
    int length = snprintf(line, sizeof line, "%d", atoi(text) + 1);
    if (pwrite(file, line, (size_t)length, 0) != length || fsync(file) != 0)
      return 8;
    close(file);
  }
  for (;;)
    pause();
}
