#include "monitors/tracer/stack_reader.hpp"

#include "core/errc.hpp"

#ifdef DUENDE_WITH_DW

#include "core/shared_library.hpp"

#include <elfutils/libdwfl.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <map>
#include <string>

#include <fmt/format.h>

namespace duende {
namespace {

/// The functions used, with the types of the header.
struct dw_library {
  decltype(&::dwfl_begin) begin = nullptr;
  decltype(&::dwfl_end) end = nullptr;
  decltype(&::dwfl_report_begin_add) report_begin = nullptr;
  decltype(&::dwfl_report_end) report_end = nullptr;
  decltype(&::dwfl_linux_proc_report) report_process = nullptr;
  decltype(&::dwfl_linux_proc_find_elf) find_elf = nullptr;
  decltype(&::dwfl_standard_find_debuginfo) find_debuginfo = nullptr;
  decltype(&::dwfl_attach_state) attach = nullptr;
  decltype(&::dwfl_getthread_frames) frames = nullptr;
  decltype(&::dwfl_frame_pc) frame_pc = nullptr;
  decltype(&::dwfl_thread_state_registers) set_registers = nullptr;
  decltype(&::dwfl_addrmodule) module_of = nullptr;
  decltype(&::dwfl_module_addrname) name_of = nullptr;
  decltype(&::dwfl_module_getsrc) source_of = nullptr;
  decltype(&::dwfl_module_info) module_info = nullptr;
  decltype(&::dwfl_lineinfo) line_info = nullptr;
};

loaded_functions<dw_library> find_dw_functions() {
  loaded_functions<dw_library> result;
  shared_library file{"libdw.so.1"};
  auto& to = result.library;
  file.find(to.begin, "dwfl_begin");
  file.find(to.end, "dwfl_end");
  file.find(to.report_begin, "dwfl_report_begin_add");
  file.find(to.report_end, "dwfl_report_end");
  file.find(to.report_process, "dwfl_linux_proc_report");
  file.find(to.find_elf, "dwfl_linux_proc_find_elf");
  file.find(to.find_debuginfo, "dwfl_standard_find_debuginfo");
  file.find(to.attach, "dwfl_attach_state");
  file.find(to.frames, "dwfl_getthread_frames");
  file.find(to.frame_pc, "dwfl_frame_pc");
  file.find(to.set_registers, "dwfl_thread_state_registers");
  file.find(to.module_of, "dwfl_addrmodule");
  file.find(to.name_of, "dwfl_module_addrname");
  file.find(to.source_of, "dwfl_module_getsrc");
  file.find(to.module_info, "dwfl_module_info");
  file.find(to.line_info, "dwfl_lineinfo");
  result.problem = file.problem();
  return result;
}

const loaded_functions<dw_library>& library() {
  static const auto once = find_dw_functions();
  return once;
}

/// Which process a module belongs to: libdwfl's callbacks get no other context.
thread_local pid_t process_in_work = 0;

/// As dwfl_linux_proc_find_elf, but the way the process itself sees its files: it may have another root.
int find_elf(Dwfl_Module* module, void** user, const char* name, Dwarf_Addr base, char** file_name, Elf** elf) {
  if (name != nullptr && name[0] == '/') {
    const auto path = fmt::format("/proc/{}/root{}", process_in_work, name);
    struct stat info {};
    if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode))
      return -1;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0)
      *file_name = strdup(path.c_str());
    return fd;
  }
  return library().library.find_elf(module, user, name, base, file_name, elf);
}

/// DWARF's numbers of the registers (System V ABI, AMD64 supplement, figure 3.36).
constexpr trace_register dwarf_order[] = {TRACE_AX,  TRACE_DX,  TRACE_CX,  TRACE_BX,  TRACE_SI,  TRACE_DI,
                                          TRACE_BP,  TRACE_SP,  TRACE_R8,  TRACE_R9,  TRACE_R10, TRACE_R11,
                                          TRACE_R12, TRACE_R13, TRACE_R14, TRACE_R15, TRACE_IP};

/// There is one thread: the sample's. What is written to `state` is what set_registers gets.
pid_t next_thread(Dwfl*, void* argument, void** state) {
  if (*state != nullptr)
    return 0;
  *state = argument;
  return process_in_work;
}

bool read_memory(Dwfl*, Dwarf_Addr address, Dwarf_Word* result, void* argument) {
  const auto& sample = **static_cast<const trace_sample**>(argument);
  const auto from = sample.registers[TRACE_SP];
  if (address < from || address - from + sizeof *result > sample.stack_bytes)
    return false;
  std::memcpy(result, sample.stack + (address - from), sizeof *result);
  return true;
}

bool set_registers(Dwfl_Thread* thread, void* argument) {
  const auto& sample = **static_cast<const trace_sample**>(argument);
  Dwarf_Word values[std::size(dwarf_order)];
  for (std::size_t i = 0; i < std::size(dwarf_order); ++i)
    values[i] = sample.registers[dwarf_order[i]];
  return library().library.set_registers(thread, 0, std::size(values), values);
}

struct collected {
  std::vector<std::uint64_t> addresses; ///< within the calling instruction
};

int on_frame(Dwfl_Frame* frame, void* argument) {
  auto& to = *static_cast<collected*>(argument);
  Dwarf_Addr pc = 0;
  bool active = false;
  if (!library().library.frame_pc(frame, &pc, &active) || pc == 0)
    return DWARF_CB_ABORT;
  to.addresses.push_back(active ? pc : pc - 1); // what is on the stack is behind the call
  return to.addresses.size() < stack_reader::most_frames ? DWARF_CB_OK : DWARF_CB_ABORT;
}

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text{abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free};
  return status == 0 && text ? text.get() : name;
}

constexpr Dwfl_Thread_Callbacks thread_callbacks = {next_thread, nullptr, read_memory, set_registers, nullptr, nullptr};

} // namespace

struct stack_reader::impl {
  static constexpr std::size_t most_processes = 64;
  static constexpr duration look_again = std::chrono::seconds{1};

  struct process {
    Dwfl* dwfl = nullptr;
    const trace_sample* sample = nullptr; ///< in work; libdwfl keeps our address
    instant looked{};
    std::map<std::uint64_t, stack_frame> frames; ///< by address: the same ones come again and again
  };

  ~impl() {
    for (auto& [pid, each] : processes)
      if (each.dwfl != nullptr)
        library().library.end(each.dwfl);
    std::free(debuginfo_path); // NOLINT: libdwfl's, by malloc
  }

  bool report(process& to, pid_t pid) {
    const auto& lib = library().library;
    to.looked = monotonic_now();
    lib.report_begin(to.dwfl);
    const bool good = lib.report_process(to.dwfl, pid) == 0;
    return lib.report_end(to.dwfl, nullptr, nullptr) == 0 && good;
  }

  process* find(pid_t pid) {
    auto found = processes.find(pid);
    if (found != processes.end())
      return found->second.dwfl != nullptr ? &found->second : nullptr;
    if (processes.size() >= most_processes)
      return nullptr;
    auto& fresh = processes[pid];
    const auto& lib = library().library;
    fresh.dwfl = lib.begin(&callbacks);
    if (fresh.dwfl == nullptr)
      return nullptr;
    if (!report(fresh, pid) || !lib.attach(fresh.dwfl, nullptr, pid, &thread_callbacks, &fresh.sample)) {
      lib.end(std::exchange(fresh.dwfl, nullptr));
      return nullptr;
    }
    return &fresh;
  }

  stack_frame resolve(process& of, std::uint64_t address) {
    if (auto known = of.frames.find(address); known != of.frames.end())
      return known->second;
    const auto& lib = library().library;
    stack_frame frame;
    frame.address = address;
    if (auto* module = lib.module_of(of.dwfl, address)) {
      if (const char* name = lib.name_of(module, address))
        frame.function = demangled(name);
      if (const char* name = lib.module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr))
        frame.module = name;
      if (auto* source = lib.source_of(module, address))
        if (const char* file = lib.line_info(source, nullptr, &frame.line, nullptr, nullptr, nullptr))
          frame.file = file;
    }
    of.frames.emplace(address, frame);
    return frame;
  }

  char* debuginfo_path = nullptr;
  Dwfl_Callbacks callbacks{find_elf, library().library.find_debuginfo, nullptr, &debuginfo_path};
  std::map<pid_t, process> processes;
};

stack_reader::stack_reader(std::unique_ptr<impl> with) : impl_(std::move(with)) {}
stack_reader::~stack_reader() = default;

caf::expected<std::unique_ptr<stack_reader>> stack_reader::open() {
  if (!library().problem.empty())
    return fail(
      errc::unsupported, "source lines need libdw: {}; install it (Debian: apt-get install libdw1)", library().problem);
  return std::unique_ptr<stack_reader>{new stack_reader{std::make_unique<impl>()}};
}

std::vector<stack_frame> stack_reader::read(const trace_sample& sample) {
  std::vector<stack_frame> result;
  process_in_work = static_cast<pid_t>(sample.process);
  auto* process = impl_->find(process_in_work);
  if (process == nullptr)
    return result;
  const auto& lib = library().library;
  // Libraries that were loaded since.
  if (
    lib.module_of(process->dwfl, sample.registers[TRACE_IP]) == nullptr
    && monotonic_now() - process->looked > impl::look_again) {
    process->frames.clear();
    impl_->report(*process, process_in_work);
  }
  process->sample = &sample;
  collected found;
  lib.frames(process->dwfl, process_in_work, on_frame, &found); // a stack that ends early is better than none
  process->sample = nullptr;
  for (auto address : found.addresses)
    result.push_back(impl_->resolve(*process, address));
  return result;
}

} // namespace duende

#else

namespace duende {

struct stack_reader::impl {};

stack_reader::stack_reader(std::unique_ptr<impl>) {}
stack_reader::~stack_reader() = default;
caf::expected<std::unique_ptr<stack_reader>> stack_reader::open() {
  return make_error(errc::unsupported, "this build has no source lines: it wants libdw's headers");
}
std::vector<stack_frame> stack_reader::read(const trace_sample&) { return {}; }

} // namespace duende

#endif
