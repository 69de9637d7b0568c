// How often this thread has asked for memory.
#pragma once

#include <cstdint>

namespace duende::test {

std::uint64_t allocations();

} // namespace duende::test
