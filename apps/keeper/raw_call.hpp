// System calls that touch nothing but registers: a child that still shares the keeper's memory must not write its errno.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace duende::keeper {

#if defined(__x86_64__) && !defined(__ILP32__)
inline constexpr bool raw_calls = true;
inline long raw_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
               : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
inline constexpr bool raw_calls = true;
inline long raw_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}
#else
inline constexpr bool raw_calls = false; ///< children get memory of their own then
inline long raw_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
  long result = syscall(number, a, b, c, d, e);
  return result < 0 ? -errno : result;
}
#endif

/// A pointer as an argument.
template <class T>
long raw(const T* pointer) {
  return reinterpret_cast<long>(pointer);
}

} // namespace duende::keeper
