// Preloaded: once the file $CLOCK_JUMP exists, the wall clock is an hour behind. The monotonic clock never jumps, here as in Linux.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long behind(void) {
  const char* mark = getenv("CLOCK_JUMP");
  return mark && syscall(SYS_access, mark, F_OK) == 0 ? 3600 : 0;
}

int clock_gettime(clockid_t id, struct timespec* out) {
  int result = (int)syscall(SYS_clock_gettime, id, out);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
    out->tv_sec -= behind();
  return result;
}

int gettimeofday(struct timeval* out, void* zone) {
  int result = (int)syscall(SYS_gettimeofday, out, zone);
  if (result == 0)
    out->tv_sec -= behind();
  return result;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out)
    *out = now.tv_sec;
  return now.tv_sec;
}
