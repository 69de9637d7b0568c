// Parts of a sandbox, as bits: what node and keeper both know of it.
#pragma once

#include <cstdint>

namespace duende {

enum confinement_part : std::uint32_t {
  confine_network = 1,      ///< a network namespace of its own
  confine_capabilities = 2, ///< all others are dropped
  confine_files = 4,        ///< landlock
  confine_calls = 8,        ///< seccomp
  confine_lock_memory = 16, ///< may lock its memory
};

} // namespace duende
