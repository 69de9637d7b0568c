// The compiled calls.bpf.c, an ELF file. Only where the build had a clang.
#pragma once

#include <span>

namespace duende {

std::span<const char> bpf_object_bytes();

} // namespace duende
