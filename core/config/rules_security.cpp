// Rows of [daemon.security] and of locked memory.
#include "core/capabilities.hpp"
#include "core/config/checks.hpp"
#include "core/config/fields.hpp"
#include "core/config/special_security.hpp"

#include <array>

namespace duende::config {
namespace {

using d = daemon_spec;
constexpr std::string_view security = "daemon.security";

/// A member of the sandbox that is written where there is one and it differs from what it is by itself.
template <auto Member>
nlohmann::json get_of_sandbox(const rule& r, const void* object) {
  const auto& box = static_cast<const d*>(object)->sandbox;
  return box && (*box).*Member != sandbox_spec{}.*Member ? emit(r, (*box).*Member) : nlohmann::json();
}

/// Lists that may be absent: an empty one means "none of it", which is much.
template <auto Member>
nlohmann::json get_list(const rule&, const void* object) {
  const auto& box = static_cast<const d*>(object)->sandbox;
  return box && (*box).*Member ? nlohmann::json(*((*box).*Member)) : nlohmann::json();
}

template <auto Member>
void set_paths(context& c, const rule& r, const value& v) {
  std::vector<std::string> paths;
  for (const auto& item : v.items) {
    auto path = item.text;
    if (item.type != kind::string)
      c.error(item.at, "'{}{}': expected a string, found {}", c.path, r.key, name_of(item.type));
    else if (auto problem = check_text(shape::path, path, c.dir); !problem.empty())
      c.error(item.at, "'{}{}': {}", c.path, r.key, problem);
    else
      paths.push_back(std::move(path));
  }
  if (paths.size() > max_sandbox_paths)
    return c.error(v.at, "'{}{}': {} paths; the most is {}", c.path, r.key, paths.size(), max_sandbox_paths);
  c.as<d>().sandbox.obtain().*Member = std::move(paths);
}

void set_network(context& c, const rule&, const value& v) { c.as<d>().sandbox.obtain().network = v.flag; }

template <auto Member>
void set_lock(context& c, const rule&, const value& v) {
  c.as<d>().limits.obtain().*Member = v.flag;
}

template <auto Member>
nlohmann::json get_lock(const rule& r, const void* object) {
  const auto& box = static_cast<const d*>(object)->limits;
  return box && (*box).*Member ? emit(r, (*box).*Member) : nlohmann::json();
}

const auto of_security = std::to_array<rule>({
  {security, "capabilities", shape::texts, "Capabilities it keeps (capabilities(7)); all others are dropped for good.",
   set_capabilities, get_list<&sandbox_spec::capabilities>},
  {security, "seccomp", shape::seccomp,
   "System calls: \"default\" refuses dangerous ones with EPERM, \"off\", or { allow = [...] } or { deny = [...] } "
   "with "
   "action = \"kill\" (SIGSYS, the default) or \"errno\" (EPERM).",
   set_seccomp, get_seccomp},
  {security, "read_paths", shape::texts,
   "Files and folders it may read and execute (landlock), those of write_paths as well; absent = not restricted.",
   set_paths<&sandbox_spec::read_paths>, get_list<&sandbox_spec::read_paths>},
  {security, "write_paths", shape::texts, "Files and folders it may write (landlock); absent = not restricted.",
   set_paths<&sandbox_spec::write_paths>, get_list<&sandbox_spec::write_paths>},
  {security, "network", shape::boolean,
   "false: a network of its own with nothing in it but its loopback. Sockets of [[daemon.socket]] work all the same. "
   "Default: true.",
   set_network, get_of_sandbox<&sandbox_spec::network>},
  {security, "optional", shape::texts,
   "Which of \"landlock\", \"seccomp\" and \"network\" the kernel may lack: it starts without them there.",
   set_optional, get_of_sandbox<&sandbox_spec::optional>},

  {"daemon.resources", "lock_memory", shape::boolean,
   "It may lock its memory (mlockall): RLIMIT_MEMLOCK is raised and CAP_IPC_LOCK kept, where duende itself may.",
   set_lock<&limits_spec::lock_memory>, get_lock<&limits_spec::lock_memory>},
  {"daemon.resources", "lock_memory_required", shape::boolean, "Where that can't be had, the start has failed.",
   set_lock<&limits_spec::lock_memory_required>, get_lock<&limits_spec::lock_memory_required>},
});

} // namespace

std::span<const rule> security_rules() { return of_security; }

} // namespace duende::config
