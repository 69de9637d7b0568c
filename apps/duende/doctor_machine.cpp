// Backends, limits and places.
#include "apps/duende/doctor_checks.hpp"

#include "backends/native/spawn_keeper.hpp"
#include "core/paths.hpp"
#include "core/units.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace duende::cli {
namespace {

constexpr rlim_t few_files = 4096;
constexpr std::uint64_t little_space = 256u << 20;
constexpr std::time_t before_this_program = 1'700'000'000; // 2023-11-14

/// The path of a program of $PATH; empty where there is none.
std::string program_of(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    auto end = std::min(rest.find(':'), rest.size());
    auto full = fmt::format("{}/{}", rest.substr(0, end), name);
    if (end > 0 && access(full.c_str(), X_OK) == 0)
      return full;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

/// Whether somebody accepts there.
bool answers(const std::string& path) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (path.size() >= sizeof where.sun_path)
    return false;
  std::memcpy(where.sun_path, path.data(), path.size());
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  bool works = fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0;
  if (fd >= 0)
    close(fd);
  return works;
}

long long number_in(const std::string& path) {
  // In one read: a file of /proc/sys gives nothing to a second one.
  char text[64];
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  auto count = fd < 0 ? -1 : read(fd, text, sizeof text);
  if (fd >= 0)
    close(fd);
  long long value = -1;
  if (count > 0)
    std::from_chars(text, text + count, value);
  return value;
}

void engine(
  std::vector<finding>& to, const char* name, const char* program, const std::vector<std::string>& sockets,
  const char* package) {
  auto path = program_of(program);
  std::string listening;
  for (const auto& each : sockets)
    if (listening.empty() && answers(each))
      listening = each;
  if (path.empty() && listening.empty())
    return to.push_back(
      {"engines", name, verdict::limited, fmt::format("no program '{}' in PATH", program),
       fmt::format("apt-get install {}", package)});
  if (!sockets.empty() && listening.empty())
    return to.push_back(
      {"engines", name, verdict::limited, fmt::format("{}, but nobody answers at {}", path, sockets.front()),
       fmt::format("start it; a user needs the rights to that socket")});
  to.push_back(
    {"engines", name, verdict::fine, listening.empty() ? path : fmt::format("answers at {}", listening), {}});
}

/// Whether a file can be made in `folder`, or in the nearest one above it that exists.
void place(std::vector<finding>& to, const char* name, const std::string& folder, bool space) {
  auto at = folder;
  while (!path_exists(at) && at.size() > 1)
    at = at.substr(0, std::max<std::size_t>(at.rfind('/'), 1));
  struct statvfs info {};
  bool readable = statvfs(at.c_str(), &info) == 0;
  if (access(at.c_str(), W_OK) != 0) {
    auto why = errno;
    return to.push_back(
      {"places", name, verdict::bad, fmt::format("{}: {}", at, std::strerror(why)),
       why == EROFS ? "mount it writable, or choose another folder"
                    : "run as another user, or choose another folder ([node] state_dir, --socket)"});
  }
  auto remark = at == folder ? std::string{} : fmt::format(", made in {} at the first start", at);
  to.push_back({"places", name, verdict::fine, folder + remark, {}});
  if (!space || !readable)
    return;
  auto free = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  bool enough = free >= little_space && (info.f_files == 0 || info.f_favail > 1000);
  to.push_back(
    {"places", "disk space", enough ? verdict::fine : verdict::limited,
     fmt::format(
       "{} and {} files free for {}", human_bytes(free),
       info.f_files == 0 ? std::string{"any number of"} : std::to_string(info.f_favail), folder),
     enough ? "" : "make room: logs wait and nothing is recorded on a full disk"});
}

} // namespace

void examine_backends(std::vector<finding>& to) {
  auto keeper = find_keeper();
  to.push_back(
    {"programs", "duende-keeper", keeper ? verdict::fine : verdict::bad, keeper ? *keeper : sentence(keeper.error()),
     keeper ? "" : "install it beside duende"});
  auto node = program_dir() + "/duended";
  bool there =
    access(node.c_str(), X_OK) == 0 || access((program_dir() + "/../libexec/duende/duended").c_str(), X_OK) == 0;
  to.push_back(
    {"programs", "duended", there ? verdict::fine : verdict::bad,
     there ? node : fmt::format("no program 'duended' in {}", program_dir()), there ? "" : "install it beside duende"});
  to.push_back(
    {"backends",
     "native",
     keeper && there ? verdict::fine : verdict::bad,
     keeper && there ? "processes of this machine" : "its programs are missing",
     {}});
  for (const char* later : {"systemd", "container", "microvm", "wasm"})
    to.push_back({"backends", later, verdict::limited, "not supported by this version", {}});
  bool systemd = path_exists("/run/systemd/system");
  to.push_back(
    {"engines", "systemd", systemd ? verdict::fine : verdict::limited,
     systemd ? "is process 1" : "is not process 1 here",
     systemd ? "" : "boot with systemd, or run duende as process 1 of a container"});
  engine(to, "docker", "docker", {"/var/run/docker.sock"}, "docker.io");
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  engine(
    to, "podman", "podman",
    {runtime != nullptr && geteuid() != 0 ? fmt::format("{}/podman/podman.sock", runtime) : "/run/podman/podman.sock"},
    "podman");
  engine(to, "containerd", "containerd", {"/run/containerd/containerd.sock"}, "containerd");
  engine(to, "runc", "runc", {}, "runc");
  engine(to, "qemu", "qemu-system-x86_64", {}, "qemu-system-x86");
  bool kvm = access("/dev/kvm", R_OK | W_OK) == 0;
  auto error = errno;
  to.push_back(
    {"engines", "kvm", kvm ? verdict::fine : verdict::limited,
     kvm ? "/dev/kvm" : fmt::format("/dev/kvm: {}", std::strerror(error)),
     kvm               ? ""
     : error == EACCES ? "add the user to the group kvm"
                       : "turn virtualization on in the firmware or the host"});
}

void examine_limits(std::vector<finding>& to) {
  bool root = geteuid() == 0;
  to.push_back(
    {"limits", "user", root ? verdict::fine : verdict::limited,
     root ? "root" : fmt::format("user {}: 'user', 'group' and most limits of daemons can't be set", geteuid()),
     root ? "" : "run as root where that is needed"});
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  bool enough = files.rlim_max >= few_files;
  to.push_back(
    {"limits", "open files", enough ? verdict::fine : verdict::limited,
     fmt::format(
       "{} (hard limit), good for about {} daemons", files.rlim_max,
       (files.rlim_max > 64 ? files.rlim_max - 64 : 0) / 6),
     enough ? "" : "raise it: LimitNOFILE= of the unit, or 'nofile' in /etc/security/limits.conf"});
  rlimit locked{};
  getrlimit(RLIMIT_MEMLOCK, &locked);
  bool lock = locked.rlim_cur == RLIM_INFINITY || root;
  to.push_back(
    {"limits", "locked memory", lock ? verdict::fine : verdict::limited,
     locked.rlim_cur == RLIM_INFINITY
       ? "not limited"
       : fmt::format("{}{}", human_bytes(locked.rlim_cur), root ? ", which root may exceed" : ""),
     lock ? "" : "LimitMEMLOCK=infinity of the unit, for daemons that lock their memory"});
  rlimit cores{};
  getrlimit(RLIMIT_CORE, &cores);
  to.push_back(
    {"limits", "core dumps", cores.rlim_cur > 0 ? verdict::fine : verdict::limited,
     cores.rlim_cur > 0 ? "are written" : "are off: a crash leaves no core",
     cores.rlim_cur > 0 ? "" : "ulimit -c unlimited, or LimitCORE=infinity of the unit"});
  auto watches = number_in("/proc/sys/fs/inotify/max_user_watches"),
       instances = number_in("/proc/sys/fs/inotify/max_user_instances");
  bool watch = watches >= 8192 && instances >= 16;
  to.push_back(
    {"limits", "inotify", watch ? verdict::fine : verdict::limited,
     watches < 0 ? "no inotify: files can't be watched" : fmt::format("{} watches, {} instances", watches, instances),
     watch ? "" : "sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512"});
  auto pids = number_in("/proc/sys/kernel/pid_max");
  to.push_back(
    {"limits", "processes", pids < 0 || pids >= 32768 ? verdict::fine : verdict::limited,
     fmt::format("process ids up to {}", pids), pids < 0 || pids >= 32768 ? "" : "sysctl kernel.pid_max=4194304"});
}

void examine_places(std::vector<finding>& to, const context& c) {
  place(to, "state_dir", default_state_dir(c.node), true);
  auto socket_path = c.remote() ? default_socket(c.node) : c.socket(); // of this machine
  auto slash = socket_path.rfind('/');
  place(to, "run_dir", slash == std::string::npos || slash == 0 ? "/" : socket_path.substr(0, slash), false);
  bool running = answers(socket_path);
  to.push_back(
    {"places",
     "node",
     verdict::fine,
     running ? fmt::format("a node answers at {}", socket_path) : fmt::format("no node answers at {}", socket_path),
     {}});
  timex state{};
  bool synchronized = adjtimex(&state) >= 0 && (state.status & STA_UNSYNC) == 0;
  bool sane = std::time(nullptr) > before_this_program;
  to.push_back(
    {"places", "clock", sane && synchronized ? verdict::fine : verdict::limited,
     !sane          ? "the clock is years behind: certificates and schedules go wrong"
     : synchronized ? "is synchronized"
                    : "is not synchronized: schedules may be off",
     sane && synchronized ? "" : "run a time service: systemd-timesyncd, chrony"});
}

} // namespace duende::cli
