// Named places where a test may end the process as SIGKILL would. Nothing at all unless built with DUENDE_CRASH_POINTS.
#pragma once

#ifdef DUENDE_CRASH_POINTS
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>
#endif

namespace duende {

/// With $DUENDE_CRASH_POINT = "NAME" the first passage kills the process, with "NAME:3" the third.
/// $DUENDE_CRASH_ONCE names a file that is created by the crash: where it exists already, nothing happens.
inline void crash_point([[maybe_unused]] const char* name) {
#ifdef DUENDE_CRASH_POINTS
  static const char* wanted = std::getenv("DUENDE_CRASH_POINT");
  if (!wanted)
    return;
  auto length = std::strlen(name);
  if (std::strncmp(wanted, name, length) != 0 || (wanted[length] != '\0' && wanted[length] != ':'))
    return;
  static int passages = 0;
  if (wanted[length] == ':' && ++passages < std::atoi(wanted + length + 1))
    return;
  if (const char* once = std::getenv("DUENDE_CRASH_ONCE")) {
    if (access(once, F_OK) == 0)
      return;
    std::fclose(std::fopen(once, "w"));
  }
  raise(SIGKILL);
#endif
}

} // namespace duende
