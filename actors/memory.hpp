// Memory that is never swapped out, for programs that embed duende: keys that must not reach a disk, answers that must not wait for one.
#pragma once

#include <caf/expected.hpp>

#include <cstdint>

namespace duende {

enum class memory_lock : std::uint8_t {
  required,   ///< not having it is an error
  best_effort ///< then go on without
};

/// Locks all memory of this process, what it has and what it will have (mlockall(2), MCL_ONFAULT: each page once it is used): of
/// all its in-process daemons at once, for it is one process. The limit counts what is mapped, used or not. From then on an allocation fails where the limit is reached. Call it early, say in daemon::init. The lock
/// ends with the process, and at an exec. Thread-safe; may take long where the process is large.
/// Returns whether it is locked. Errors, of `required` only: io_failure with what helps: the capability, the limit, or privileges.
caf::expected<bool> lock_memory(memory_lock how);

/// Gives it all free again (munlockall(2)).
void unlock_memory();

/// Bytes of this process that are locked (VmLck of proc(5)): of mappings, most of which may not be in use.
std::uint64_t locked_memory();

} // namespace duende
