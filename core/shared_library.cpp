#include "core/shared_library.hpp"

#include <fmt/format.h>

#include <dlfcn.h>

namespace duende {

shared_library::shared_library(const char* name) : name_(name), handle_(::dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
  if (handle_ != nullptr)
    return;
  const char* why = ::dlerror();
  problem_ = why != nullptr ? why : name_;
}

void* shared_library::address_of(const char* symbol) {
  void* found = handle_ != nullptr ? ::dlsym(handle_, symbol) : nullptr;
  if (found == nullptr && problem_.empty())
    problem_ = fmt::format("'{}' has no {}", name_, symbol);
  return found;
}

} // namespace duende
