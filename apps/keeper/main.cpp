// duende-keeper: owns the child processes, their pipes and their exits, and keeps the node running.
//
//   duende-keeper --state-dir DIR [--run-dir DIR] [--ready-fd N] -- /path/to/duended ARGS...
//   duende-keeper --state-dir DIR [--run-dir DIR] --adopt-fd N
//
// The first form starts the node as its first child, in a process group of its own, with
//   DUENDE_KEEPER_FD    its end of the socket (backends/native/protocol.hpp)
//   DUENDE_GENERATION   1, plus one for each restart
//   DUENDE_READY_FD     the descriptor of --ready-fd, the first node only
//   DUENDE_STATE_DIR    that of --state-dir: a node that comes back is never sent to another by what became of its file
// and starts it again whenever it dies: at once, then after 100 ms, doubling to 10 s; a run of 10 s clears the streak.
// A first node that exits by itself before it has said hello ends the keeper with its code: that start never worked.
// After finish{code} and the node's end the keeper ends what is left and exits with that code.
// SIGTERM, SIGINT and SIGHUP are passed to the node; while there is none, SIGTERM and SIGINT end children and keeper.
//
// In the second form an embedding program is at the other end of socket N; when it closes, all children are ended and
// the keeper exits. SIGTERM does the same; SIGINT and SIGHUP are the program's business.
//
// Exit codes: that of finish; 0 after a signal; 1 where it could not begin, with a sentence on stderr; 2 for a wrong command line.
#include "apps/keeper/keeper.hpp"

#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

// Without exceptions nobody needs the library's handler, which brings the whole demangler.
namespace __gnu_cxx {
void __verbose_terminate_handler();
void __verbose_terminate_handler() { _exit(134); }
} // namespace __gnu_cxx

namespace {

/// What only the beginning needed does not stay: the kernel brings pages of the program back as they are used.
void forget_beginning() {
  constexpr std::uintptr_t page = 4096;
  auto* segments = reinterpret_cast<const ElfW(Phdr)*>(getauxval(AT_PHDR));
  auto count = getauxval(AT_PHNUM);
  std::uintptr_t base = 0; // of a position-independent build
  for (unsigned long i = 0; segments != nullptr && i < count; ++i) {
    auto& each = segments[i];
    if (each.p_type == PT_PHDR)
      base = reinterpret_cast<std::uintptr_t>(segments) - each.p_vaddr;
    if (each.p_type != PT_LOAD || (each.p_flags & PF_W) != 0)
      continue;
    auto from = (base + each.p_vaddr + page - 1) / page * page, to = (base + each.p_vaddr + each.p_memsz) / page * page;
    if (to > from)
      madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
  }
}

} // namespace

int main(int argc, char** argv) {
  using namespace duende::keeper;
  options settings;
  std::string error;
  bool fine = parse_options(argc, argv, settings, error);
  if (fine && settings.version) {
    dprintf(STDOUT_FILENO, "duende-keeper %s\n", DUENDE_VERSION);
    return 0;
  }
  if (!fine) {
    dprintf(STDERR_FILENO, "duende-keeper: %s\n", error.c_str());
    return 2;
  }
  static class keeper it;
  if (!it.begin(std::move(settings), error)) {
    dprintf(STDERR_FILENO, "duende-keeper: %s\n", error.c_str());
    return 1;
  }
  forget_beginning();
  return it.run();
}
