// Where things are by default. Pure but for the environment and the effective user id.
#pragma once

#include <string>
#include <string_view>

namespace duende {

/// Root: /run/duende/<node>; others: $XDG_RUNTIME_DIR/duende/<node>, or /tmp/duende-<uid>/<node> where that is not set.
std::string default_run_dir(std::string_view node);
/// <run_dir>/api.sock
std::string default_socket(std::string_view node);
/// Root: /var/lib/duende (for node "default") or /var/lib/duende/<node>; others: $XDG_STATE_HOME/duende, else ~/.local/state/duende, likewise.
std::string default_state_dir(std::string_view node);
/// The folder of the running program, where its siblings (keeper, duended) are installed.
std::string program_dir();
/// `path` itself where absolute, else below `base`; "~" is not expanded.
std::string absolute_path(std::string_view base, std::string_view path);

} // namespace duende
