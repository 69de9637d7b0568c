// duende top: the tree with its figures, live. Draws when something changed, looks at the node once a second, sleeps else.
#include "apps/duende/commands.hpp"
#include "apps/duende/show.hpp"
#include "apps/duende/top_session.hpp"
#include "apps/duende/top_text.hpp"

#include <cstdlib>

#include <signal.h>
#include <unistd.h>

namespace duende::cli {
namespace {

caf::expected<top_look_at> first_look(client& node) {
  top_look_at look;
  const std::pair<const char*, json*> parts[] = {
    {"/v1/node", &look.node}, {"/v1/tree", &look.tree}, {"/v1/daemons", &look.daemons}};
  for (const auto& [target, to] : parts) {
    auto answer = node.send_json({.target = target});
    if (!answer)
      return answer.error();
    *to = std::move(*answer);
  }
  look.at = monotonic_now();
  return look;
}

int print_once(const top_look_at& look) {
  top_model model;
  model.take(look.node, look.tree, look.daemons, look.at);
  top_look how;
  const char* columns = std::getenv("COLUMNS");
  auto wanted = columns == nullptr ? 0 : std::strtoul(columns, nullptr, 10);
  how.width = wanted >= 40 && wanted <= 1000 ? wanted : 100;
  how.utf8 = terminal_speaks_utf8();
  for (const auto& line : draw_once(model, how))
    fmt::print("{}\n", line);
  return done;
}

} // namespace

int top(const context& c) {
  client node{c.socket()};
  auto look = first_look(node);
  if (!look)
    return report("cannot show the tree", look.error());
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)
    return print_once(*look);
  auto events = node.send_json({.target = "/v1/events?limit=20"});
  int ended_by = 0;
  {
    top_session session{c};
    session.begin_with(*look, events ? *events : json::array());
    ended_by = session.run();
  }
  if (ended_by != 0) { // for whoever waits for it: ended by the signal, with the terminal as it was
    signal(ended_by, SIG_DFL);
    raise(ended_by);
  }
  return done;
}

} // namespace duende::cli
