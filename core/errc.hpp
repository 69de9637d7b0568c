// Errors of duende: one category, few codes, and a sentence in every error.
#pragma once

#include <caf/error.hpp>
#include <caf/expected.hpp>
#include <caf/make_message.hpp>
#include <caf/message.hpp>
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace duende {

/// What went wrong, as far as code reacts to it. The sentence beside it is for people.
enum class errc : std::uint8_t {
  invalid_config = 1, ///< configuration or arguments that can't be accepted
  not_found,          ///< no daemon, supervisor or file of that name
  wrong_state,        ///< the action does not fit the present state
  already_exists,     ///< the name is taken
  timed_out,          ///< a bound was reached; the action may still complete
  spawn_failed,       ///< a daemon could not be started
  unsupported,        ///< known, but not by this version or machine
  io_failure,         ///< the operating system refused
  protocol_error,     ///< a peer sent what it may not send
  limit_reached,      ///< a bound of ours: too large, too many
  canceled,           ///< overtaken by a later request
  unreachable,        ///< no node answers there
  internal,           ///< an invariant broke
};

/// The name of the code, as in the enumeration.
std::string to_string(errc code);

/// Builds an error of category `duende` whose context is `sentence`: what was tried, on what, and why it failed; no final period.
caf::error make_error(errc code, std::string sentence);

/// `make_error` with a format string.
template <class... Ts>
caf::error fail(errc code, fmt::format_string<Ts...> text, Ts&&... args) {
  return make_error(code, fmt::format(text, std::forward<Ts>(args)...));
}

/// Like `fail`, with ": " and the words for `error_number` (errno) appended.
caf::error errno_error(errc code, int error_number, std::string_view what);

/// The sentence an error carries, or the name of its code where it carries none. Works without an actor system.
std::string sentence(const caf::error& error);

/// The code of an error of our category; `errc::internal` for any other.
errc code_of(const caf::error& error);

} // namespace duende

CAF_ERROR_CODE_ENUM(duende::errc, "duende")
