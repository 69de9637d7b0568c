// A library that is loaded when it is first needed: a node that never checks HTTP or speaks TLS does not pay for their memory.
#pragma once

#include <string>
#include <type_traits>

namespace duende {

/// A library loaded with dlopen(3), until the end of the program. The first thing that goes wrong is kept, in words; what follows it
/// is harmless. Not thread-safe.
class shared_library {
public:
  /// `name` as dlopen(3) takes it.
  explicit shared_library(const char* name);

  /// Points `function` at the symbol; at null where it, or the library, is missing.
  template <class Function>
  void find(Function*& function, const char* symbol) {
    static_assert(std::is_function_v<Function>);
    function = reinterpret_cast<Function*>(address_of(symbol));
  }

  /// Empty: the library and all that was looked for are there.
  const std::string& problem() const { return problem_; }

private:
  void* address_of(const char* symbol);

  std::string name_;
  void* handle_;
  std::string problem_;
};

/// Functions of a library, looked for once, and what went wrong with it.
template <class Functions>
struct loaded_functions {
  Functions library;
  std::string problem; ///< empty: nothing
};

} // namespace duende
