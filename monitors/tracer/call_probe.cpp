#include "monitors/tracer/call_probe.hpp"

#include "core/errc.hpp"

#ifdef DUENDE_WITH_BPF

#include "monitors/tracer/bpf_library.hpp"
#include "monitors/tracer/bpf_object.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace duende {

struct call_probe::impl {
  ~impl() {
    if (ring != nullptr)
      lib->free_ring(ring);
    detach();
    if (object != nullptr)
      lib->close(object);
  }

  void detach() {
    for (auto*& link : links)
      if (link != nullptr)
        lib->destroy_link(std::exchange(link, nullptr));
  }
  caf::error attach();

  const bpf_library* lib = nullptr;
  bpf_object* object = nullptr;
  bpf_link* links[2] = {};
  ring_buffer* ring = nullptr;
  int control = -1, flags = -1, processes = -1, threads = -1, calls = -1, errors = -1;
  const std::function<void(const trace_sample&)>* drain_to = nullptr;
};

namespace {

/// Numbers of the first pid namespace, which is what the kernel's helpers tell without more work.
constexpr ino_t first_pid_namespace = 0xEFFFFFFC;

int on_sample(void* context, void* data, std::size_t size) {
  const auto& to = **static_cast<const std::function<void(const trace_sample&)>**>(context);
  if (size >= sizeof(trace_sample))
    to(*static_cast<const trace_sample*>(data));
  return 0;
}

caf::error refused(int code, const char* what) {
  const int number = code < 0 ? -code : code;
  if (number == EPERM || number == EACCES)
    return fail(
      errc::unsupported,
      "the kernel refuses BPF: {}: {}; it wants root, or CAP_BPF and CAP_PERFMON, and no seccomp filter on bpf(2)",
      what, std::strerror(number));
  return fail(errc::unsupported, "the kernel refuses BPF: {}: {}", what, std::strerror(number));
}

/// How many arguments a call takes, of those that are often made; 6 for all others. syscalls(2).
unsigned arguments_of(std::uint32_t call) {
  constexpr std::uint32_t none[] = {SYS_getpid,  SYS_getppid, SYS_gettid, SYS_getuid,      SYS_geteuid, SYS_getgid,
                                    SYS_getegid, SYS_pause,   SYS_sync,   SYS_sched_yield, SYS_fork,    SYS_vfork};
  constexpr std::uint32_t one[] = {SYS_close,   SYS_fsync, SYS_fdatasync, SYS_brk,    SYS_time,  SYS_dup,  SYS_getpgid,
                                   SYS_sysinfo, SYS_uname, SYS_times,     SYS_unlink, SYS_chdir, SYS_rmdir};
  constexpr std::uint32_t two[] = {SYS_stat,      SYS_lstat,     SYS_fstat,         SYS_access,       SYS_munmap,
                                   SYS_dup2,      SYS_nanosleep, SYS_clock_gettime, SYS_gettimeofday, SYS_listen,
                                   SYS_getrusage, SYS_kill,      SYS_getcwd,        SYS_rename,       SYS_mkdir,
                                   SYS_truncate,  SYS_ftruncate};
  constexpr std::uint32_t three[] = {SYS_read,   SYS_write,  SYS_open,       SYS_poll,     SYS_lseek,   SYS_ioctl,
                                     SYS_readv,  SYS_writev, SYS_accept,     SYS_connect,  SYS_sendmsg, SYS_recvmsg,
                                     SYS_socket, SYS_fcntl,  SYS_getdents64, SYS_readlink, SYS_madvise, SYS_mprotect};
  auto in = [call](const auto& list) { return std::find(std::begin(list), std::end(list), call) != std::end(list); };
  return in(none) ? 0 : in(one) ? 1 : in(two) ? 2 : in(three) ? 3 : 6;
}

/// All entries of a hash; others may write to it meanwhile.
template <class Key, class Value, class Fn>
void each_entry(const bpf_library& lib, int map, Fn fn) {
  constexpr std::uint32_t at_once = 2048;
  std::vector<Key> keys(at_once);
  std::vector<Value> values(at_once);
  std::uint32_t position = 0;
  bool begun = false;
  while (true) {
    std::uint32_t count = at_once;
    const int result =
      lib.lookup_batch(map, begun ? &position : nullptr, &position, keys.data(), values.data(), &count, nullptr);
    if (result != 0 && errno != ENOENT)
      return;
    for (std::uint32_t i = 0; i < count; ++i)
      fn(keys[i], values[i]);
    if (result != 0)
      return;
    begun = true;
  }
}

} // namespace

caf::error call_probe::impl::attach() {
  std::size_t next = 0;
  for (const auto& [program, tracepoint] : {std::pair{"on_exit", "sys_exit"}, std::pair{"on_enter", "sys_enter"}}) {
    auto* link = lib->attach_raw_tracepoint(lib->find_program(object, program), tracepoint);
    if (auto code = lib->get_error(link); code != 0) {
      detach();
      return refused(static_cast<int>(code), tracepoint);
    }
    links[next++] = link;
  }
  return {};
}

call_probe::call_probe(std::unique_ptr<impl> with) : impl_(std::move(with)) {}
call_probe::~call_probe() = default;

caf::expected<std::unique_ptr<call_probe>> call_probe::open() {
  auto lib = load_bpf();
  if (!lib)
    return lib.error();
  auto with = std::make_unique<impl>();
  with->lib = *lib;
  const auto bytes = bpf_object_bytes();
  with->object = (*lib)->open_mem(bytes.data(), bytes.size(), nullptr);
  if (auto code = (*lib)->get_error(with->object); code != 0) {
    with->object = nullptr;
    return refused(static_cast<int>(code), "opening the program");
  }
  // Kernels before 5.11 count BPF memory as locked.
  rlimit locked{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &locked);
  if (int code = (*lib)->load(with->object); code != 0)
    return refused(code, "loading the program");
  with->control = (*lib)->find_map_fd(with->object, "control");
  with->flags = (*lib)->find_map_fd(with->object, "flags");
  with->processes = (*lib)->find_map_fd(with->object, "processes");
  with->threads = (*lib)->find_map_fd(with->object, "threads");
  with->calls = (*lib)->find_map_fd(with->object, "calls");
  with->errors = (*lib)->find_map_fd(with->object, "errors");
  trace_control first{};
  if (struct stat info{}; stat("/proc/self/ns/pid", &info) == 0 && info.st_ino != first_pid_namespace) {
    first.namespace_device = (std::uint64_t{major(info.st_dev)} << 20) | minor(info.st_dev); // as the kernel has it
    first.namespace_inode = info.st_ino;
  }
  first.sample_gap = 10'000'000;
  const std::int32_t forks[] = {SYS_clone, SYS_fork, SYS_vfork, SYS_clone3};
  std::memcpy(first.fork_calls, forks, sizeof forks);
  first.last_calls[0] = SYS_exit;
  first.last_calls[1] = SYS_exit_group;
  const std::uint32_t zero = 0;
  if ((*lib)->update(with->control, &zero, &first, BPF_ANY) != 0)
    return refused(errno, "writing to a map");
  const int arity = (*lib)->find_map_fd(with->object, "arity");
  for (std::uint32_t call = 0; call < TRACE_CALLS; ++call)
    if (const auto takes = static_cast<std::uint8_t>(arguments_of(call)); takes < 6) {
      const auto known = static_cast<std::uint8_t>(takes + 1);
      (*lib)->update(arity, &call, &known, BPF_ANY);
    }
  auto* instance = with.get();
  with->ring = (*lib)->new_ring((*lib)->find_map_fd(with->object, "samples"), on_sample, &instance->drain_to, nullptr);
  if (with->ring == nullptr)
    return refused(errno, "mapping the ring of samples");
  if (auto error = with->attach())
    return error;
  return std::unique_ptr<call_probe>{new call_probe{std::move(with)}};
}

bool call_probe::add(pid_t process) {
  const auto key = static_cast<std::uint32_t>(process);
  const std::uint8_t one = 1;
  if (std::uint8_t known = 0; impl_->lib->lookup(impl_->processes, &key, &known) == 0)
    return false;
  if (impl_->lib->update(impl_->processes, &key, &one, BPF_ANY) != 0)
    return false;
  const auto at = key & (TRACE_FLAGS - 1);
  return impl_->lib->update(impl_->flags, &at, &one, BPF_ANY) == 0;
}

void call_probe::is_in_call(pid_t process, pid_t thread, std::uint32_t call, std::uint64_t since) {
  trace_thread state{};
  state.since = since;
  state.process = static_cast<std::uint32_t>(process);
  state.call = call;
  state.partial = 1;
  const auto key = static_cast<std::uint32_t>(thread);
  impl_->lib->update(impl_->threads, &key, &state, BPF_NOEXIST);
}

void call_probe::pause() {
  impl_->detach();
  std::vector<std::uint32_t> known;
  each_entry<std::uint32_t, trace_thread>(
    *impl_->lib, impl_->threads, [&](std::uint32_t key, const trace_thread&) { known.push_back(key); });
  for (auto key : known)
    impl_->lib->forget(impl_->threads, &key);
}

caf::error call_probe::resume() { return impl_->attach(); }

void call_probe::read(std::vector<sums>& calls, std::vector<thread_now>& threads) {
  calls.clear();
  threads.clear();
  each_entry<trace_key, trace_calls>(*impl_->lib, impl_->calls, [&](const trace_key& key, const trace_calls& value) {
    calls.push_back({key, value});
  });
  each_entry<std::uint32_t, trace_thread>(
    *impl_->lib, impl_->threads, [&](std::uint32_t key, const trace_thread& value) {
      threads.push_back({key, value});
    });
}

std::vector<call_probe::error_count> call_probe::errors() {
  std::vector<error_count> result;
  each_entry<trace_error, std::uint64_t>(*impl_->lib, impl_->errors, [&](const trace_error& key, std::uint64_t count) {
    result.push_back({key, count});
  });
  return result;
}

void call_probe::drain(const std::function<void(const trace_sample&)>& fn) {
  impl_->drain_to = &fn;
  impl_->lib->consume_ring(impl_->ring);
}

call_probe::losses call_probe::lost() {
  const std::uint32_t zero = 0;
  trace_control present{};
  if (impl_->lib->lookup(impl_->control, &zero, &present) != 0)
    return {};
  return {present.lost_samples, present.lost_calls};
}

} // namespace duende

#else

namespace duende {

struct call_probe::impl {};

call_probe::call_probe(std::unique_ptr<impl>) {}
call_probe::~call_probe() = default;
caf::expected<std::unique_ptr<call_probe>> call_probe::open() {
  return make_error(errc::unsupported, "this build has no BPF: it wants clang and libbpf's headers, and an x86-64");
}
bool call_probe::add(pid_t) { return false; }
void call_probe::is_in_call(pid_t, pid_t, std::uint32_t, std::uint64_t) {}
void call_probe::pause() {}
caf::error call_probe::resume() { return {}; }
void call_probe::read(std::vector<sums>&, std::vector<thread_now>&) {}
std::vector<call_probe::error_count> call_probe::errors() { return {}; }
void call_probe::drain(const std::function<void(const trace_sample&)>&) {}
call_probe::losses call_probe::lost() { return {}; }

} // namespace duende

#endif
