#include "core/errc.hpp"

#include <cstring>

#include <caf/atom.hpp>
#include <caf/message.hpp>

namespace duende {

std::string to_string(errc code) {
  switch (code) {
    case errc::invalid_config: return "invalid_config";
    case errc::not_found: return "not_found";
    case errc::wrong_state: return "wrong_state";
    case errc::already_exists: return "already_exists";
    case errc::timed_out: return "timed_out";
    case errc::spawn_failed: return "spawn_failed";
    case errc::unsupported: return "unsupported";
    case errc::io_failure: return "io_failure";
    case errc::protocol_error: return "protocol_error";
    case errc::limit_reached: return "limit_reached";
    case errc::canceled: return "canceled";
    case errc::unreachable: return "unreachable";
    case errc::internal: return "internal";
  }
  return "unknown";
}

caf::error make_error(errc code, std::string sentence) { return caf::make_error(code, std::move(sentence)); }

caf::error errno_error(errc code, int error_number, std::string_view what) {
  char buffer[128];
  return fail(code, "{}: {}", what, strerror_r(error_number, buffer, sizeof buffer));
}

std::string sentence(const caf::error& error) {
  if (!error)
    return "";
  const auto& context = error.context();
  if (context.size() > 0 && context.match_element<std::string>(0))
    return context.get_as<std::string>(0);
  return to_string(code_of(error));
}

errc code_of(const caf::error& error) {
  return error.category() == caf::atom("duende") ? static_cast<errc>(error.code()) : errc::internal;
}

} // namespace duende
