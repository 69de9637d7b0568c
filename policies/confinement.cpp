#include "policies/confinement.hpp"

#include "core/capabilities.hpp"
#include "policies/seccomp.hpp"

#include <algorithm>
#include <array>

namespace duende {

// By number: <linux/landlock.h> of the machine that compiles may be older than the kernel that runs it.
const std::uint64_t landlock_read_rights = 1u << 0      // execute
                                           | 1u << 2    // read a file
                                           | 1u << 3;   // read a folder
const std::uint64_t landlock_write_rights = 1u << 1     // write to a file
                                            | 1u << 4   // remove a folder
                                            | 1u << 5   // remove a file
                                            | 1u << 6   // make a device for characters
                                            | 1u << 7   // a folder
                                            | 1u << 8   // a file
                                            | 1u << 9   // a socket
                                            | 1u << 10  // a pipe
                                            | 1u << 11  // a device for blocks
                                            | 1u << 12  // a symbolic link
                                            | 1u << 13  // move and link between folders, Linux 5.19
                                            | 1u << 14; // truncate, Linux 6.2

namespace {

constexpr int cap_ipc_lock = 14;
// What no program does without, and nobody keeps anything in.
constexpr auto harmless_devices =
  std::to_array<const char*>({"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"});

void restrict_files(confinement& to, const sandbox_spec& box) {
  if (!box.read_paths && !box.write_paths)
    return;
  to.parts |= confine_files;
  to.restricted = (box.read_paths ? landlock_read_rights : 0) | (box.write_paths ? landlock_write_rights : 0);
  auto give = [&](const std::string& path, std::uint64_t rights) {
    rights &= to.restricted;
    auto known = std::find_if(to.paths.begin(), to.paths.end(), [&](auto& each) { return each.path == path; });
    if (known != to.paths.end())
      known->rights |= rights;
    else if (rights != 0)
      to.paths.push_back({path, rights});
  };
  for (const auto& path : box.read_paths.value_or(std::vector<std::string>{}))
    give(path, landlock_read_rights);
  for (const auto& path : box.write_paths.value_or(std::vector<std::string>{}))
    give(path, landlock_read_rights | landlock_write_rights);
  for (const char* path : harmless_devices)
    give(path, landlock_read_rights | landlock_write_rights);
}

std::uint32_t optional_parts(const sandbox_spec& box) {
  std::uint32_t parts = 0;
  for (const auto& name : box.optional)
    parts |= name == "landlock" ? confine_files : name == "seccomp" ? confine_calls : confine_network;
  return parts;
}

} // namespace

caf::expected<std::shared_ptr<const confinement>> confinement_of(const daemon_spec& spec) {
  bool lock = spec.limits && spec.limits->lock_memory;
  if (!spec.sandbox && !lock)
    return std::shared_ptr<const confinement>{};
  auto result = std::make_shared<confinement>();
  if (lock) {
    result->parts |= confine_lock_memory;
    if (!spec.limits->lock_memory_required)
      result->optional |= confine_lock_memory;
  }
  if (!spec.sandbox)
    return result;
  const auto& box = *spec.sandbox;
  result->optional |= optional_parts(box);
  if (!box.network)
    result->parts |= confine_network;
  if (box.capabilities) {
    result->parts |= confine_capabilities;
    for (const auto& name : *box.capabilities)
      if (auto number = capability_number(name))
        result->capabilities |= capability_bit(*number);
    if (lock) // asked for as much as the others
      result->capabilities |= capability_bit(cap_ipc_lock);
  }
  restrict_files(*result, box);
  if (box.seccomp == seccomp_mode::off)
    return result;
  auto filter = seccomp_program(box);
  if (filter) {
    result->parts |= confine_calls;
    result->filter = std::move(*filter);
    result->names_calls = box.seccomp != seccomp_mode::standard && box.action == seccomp_action::kill;
  } else if ((result->optional & confine_calls) == 0) {
    return filter.error();
  }
  return result;
}

} // namespace duende
