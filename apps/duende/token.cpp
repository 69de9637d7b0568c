#include "actors/api/tokens.hpp"
#include "apps/duende/commands.hpp"
#include "core/names.hpp"

#include <cstdio>

#include <unistd.h>

namespace duende::cli {

int token(const context& c, const std::string& name, const std::string& access) {
  if (access != "read" && access != "full")
    return usage(fmt::format("token: --access is read or full, not '{}'", printable(access)));
  if (auto valid = check_name(name); !valid)
    return usage(fmt::format("token: --name: {}", sentence(valid.error())));
  auto made = api::make_token();
  auto hash = made ? api::hash_of_token(*made) : caf::expected<std::string>{made.error()};
  if (!hash)
    return report("cannot make a token", hash.error());
  // The token on stdout, what explains it on stderr: `duende token > FILE` makes a file for --token-file.
  fmt::print("{}\n", *made);
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return report("cannot write the token", fail(errc::io_failure, "standard output takes nothing"));
  if (!c.quiet)
    fmt::print(
      stderr, "\nThis is the only time that it is shown: keep it in a file of its owner, mode 600. The node keeps its "
              "hash; put this "
              "into its configuration, then send it SIGHUP:\n\n");
  fmt::print(stderr, "[[node.token]]\nname   = \"{}\"\nhash   = \"{}\"\naccess = \"{}\"\n", name, *hash, access);
  return done;
}

} // namespace duende::cli
