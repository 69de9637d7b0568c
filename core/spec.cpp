#include "core/spec.hpp"

namespace duende {
namespace {

restart_policy of_kind(restart_kind kind) {
  restart_policy result;
  result.kind = kind;
  return result;
}

} // namespace

restart_policy restart_policy::never() { return of_kind(restart_kind::never); }
restart_policy restart_policy::on_failure() { return of_kind(restart_kind::on_failure); }
restart_policy restart_policy::always() { return of_kind(restart_kind::always); }
restart_policy restart_policy::unless_stopped() { return of_kind(restart_kind::unless_stopped); }

restart_policy restart_policy::max_retries(std::uint32_t n) {
  auto result = of_kind(restart_kind::max_retries);
  result.retries = n;
  return result;
}

} // namespace duende
