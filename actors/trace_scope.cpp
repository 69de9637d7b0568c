#include "actors/trace_scope.hpp"

#include <utility>

namespace duende {
namespace {

trace_ptr& present() {
  thread_local trace_ptr mine;
  return mine;
}

} // namespace

const trace_ptr& current_trace() { return present(); }

trace_scope::trace_scope(trace_ptr operation) : before_(std::exchange(present(), std::move(operation))) {}

trace_scope::~trace_scope() { present() = std::move(before_); }

} // namespace duende
