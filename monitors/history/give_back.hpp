// Memory that a storm of work took and rest does not need.
#pragma once

namespace duende {

/// Gives the system back what malloc keeps free, and lets go of the pages of programs and libraries: what only a start needed (the
/// loader of the configuration, say) is not read again, and the rest comes back from the page cache when it is. Thread-safe.
void give_back_memory();

} // namespace duende
