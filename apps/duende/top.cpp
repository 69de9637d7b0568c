// duende top: the tree with its figures, live. Draws when something changed, looks at the node once a second, sleeps else.
#include "apps/duende/commands.hpp"
#include "apps/duende/node_feed.hpp"
#include "apps/duende/show.hpp"
#include "apps/duende/top_screen.hpp"
#include "apps/duende/top_signals.hpp"
#include "apps/duende/top_source.hpp"
#include "apps/duende/top_text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace duende::cli {
namespace {

constexpr duration refresh = std::chrono::seconds{1};
constexpr int share = 10; ///< a look may take one part in so many of the time, up to
constexpr duration longest_pause = std::chrono::seconds{5};
constexpr duration message_time = std::chrono::seconds{6};
constexpr int escape_ms = 40;
constexpr std::size_t kept_log_lines = 5000;

class top_session {
public:
  explicit top_session(const context& c)
    : socket_(c.socket()), sampler_(socket_), actions_(socket_),
      feed_(std::make_unique<node_feed>(socket_, to_rfc3339(wall_now()))) {
    look_.utf8 = terminal_speaks_utf8();
    look_.colors = terminal_palette(c);
  }

  void begin_with(const top_look_at& first, const json& events) {
    take_events(events);
    take_look(first);
  }
  /// 0, or the number of the signal that ended it.
  int run();

private:
  void take_look(const top_look_at& look);
  void take_events(const json& events);
  void take_log();
  void measure();
  void say(std::string text, bool is_bad);
  void suspend();
  bool on_signal(int number);
  void on_key(key_press press);
  void on_tree_key(key_press press);
  void on_log_key(key_press press);
  void move_to(std::ptrdiff_t index, const std::vector<top_row>& rows);
  void fold(const std::vector<top_row>& rows, std::size_t at, bool close);
  void ask(const std::string& verb);
  void open_log(const std::string& name);
  int milliseconds_left() const;
  bool draw_now() { return screen_.show(draw(model_, view_, look_), signals_.fd()); }

  std::string socket_;
  signal_source signals_;
  top_model model_;
  top_view view_;
  top_look look_;
  top_sampler sampler_;
  top_actions actions_;
  std::unique_ptr<node_feed> feed_;
  std::unique_ptr<top_log> log_;
  screen screen_;
  std::string input_;
  std::string question_verb_, question_name_;
  instant next_look_{}, message_until_{};
  duration pause_ = refresh;
  int ended_by_ = 0;
  bool over_ = false;
};

void top_session::take_look(const top_look_at& look) {
  next_look_ = look.at - look.took + (pause_ = std::clamp(look.took * share, refresh, longest_pause));
  if (look.error) {
    view_.trouble = "trying again: " + harmless(sentence(look.error));
    return;
  }
  view_.trouble.clear();
  model_.take(look.node, look.tree, look.daemons, look.at);
  auto rows = model_.rows(view_.collapsed);
  if (!rows.empty() && (!view_.selected || std::find(rows.begin(), rows.end(), *view_.selected) == rows.end())) {
    auto first = std::find_if(rows.begin(), rows.end(), [](const top_row& row) { return !row.is_supervisor; });
    view_.selected = first == rows.end() ? rows.front() : *first;
  }
  if (feed_->lost()) // the node was away for longer than the feed waits
    feed_ = std::make_unique<node_feed>(socket_, to_rfc3339(wall_now()));
}

void top_session::take_events(const json& events) {
  for (const auto& event : events)
    model_.take_event(event);
}

void top_session::take_log() {
  auto news = log_->take();
  if (news.begins_anew)
    view_.log.clear();
  for (auto& line : news.lines)
    view_.log.push_back(std::move(line));
  if (view_.log_back > 0)
    view_.log_back += news.begins_anew ? 0 : news.lines.size();
  while (view_.log.size() > kept_log_lines)
    view_.log.pop_front();
  view_.log_trouble = news.trouble;
}

void top_session::measure() {
  auto [width, height] = screen::size();
  look_.width = std::min<std::size_t>(width, 1000);
  look_.height = std::min<std::size_t>(height, 500);
  screen_.forget();
}

void top_session::say(std::string text, bool is_bad) {
  view_.message = std::move(text);
  view_.message_is_bad = is_bad;
  message_until_ = monotonic_now() + message_time;
}

void top_session::suspend() {
  screen_.leave();
  raise(SIGSTOP);
  over_ = !screen_.enter();
  measure();
}

bool top_session::on_signal(int number) {
  switch (number) {
    case SIGWINCH: measure(); return true;
    case SIGTSTP: suspend(); return true;
    case SIGCONT: // stopped by somebody else: the shell has set the terminal to its liking
      screen_.leave();
      over_ = !screen_.enter();
      measure();
      return true;
    case 0: return true;
    default: ended_by_ = number; return false;
  }
}

void top_session::move_to(std::ptrdiff_t index, const std::vector<top_row>& rows) {
  if (rows.empty())
    return;
  auto last = static_cast<std::ptrdiff_t>(rows.size()) - 1;
  view_.selected = rows[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(index, 0, last))];
}

void top_session::fold(const std::vector<top_row>& rows, std::size_t at, bool close) {
  const auto& row = rows[at];
  if (close && row.is_supervisor && view_.collapsed.insert(row.name).second)
    return;
  if (!close) {
    if (row.is_supervisor)
      view_.collapsed.erase(row.name);
    return;
  }
  auto above = std::find_if(
    rows.begin(), rows.end(), [&](const top_row& each) { return each.is_supervisor && each.name == row.parent; });
  if (above != rows.end())
    view_.selected = *above;
}

void top_session::ask(const std::string& verb) {
  if (!view_.selected || view_.selected->is_supervisor)
    return say(fmt::format("choose a daemon to {} it", verb), true);
  question_verb_ = verb;
  question_name_ = view_.selected->name;
  view_.question = fmt::format("{} {}?  y yes   any other key no", verb, question_name_);
}

void top_session::open_log(const std::string& name) {
  view_.page = top_view::scene::log;
  view_.log.clear();
  view_.log_back = 0;
  view_.log_name = name;
  view_.log_trouble.clear();
  log_ = std::make_unique<top_log>(socket_, name, 500);
}

void top_session::on_tree_key(key_press press) {
  auto rows = model_.rows(view_.collapsed);
  auto found = view_.selected ? std::find(rows.begin(), rows.end(), *view_.selected) : rows.end();
  auto at = found == rows.end() ? std::ptrdiff_t{0} : found - rows.begin();
  auto page = static_cast<std::ptrdiff_t>(std::max<std::size_t>(visible_rows(look_), 2) - 1);
  auto is_daemon = found != rows.end() && !found->is_supervisor;
  switch (press.what) {
    case key::up: return move_to(at - 1, rows);
    case key::down: return move_to(at + 1, rows);
    case key::page_up: return move_to(at - page, rows);
    case key::page_down: return move_to(at + page, rows);
    case key::home: return move_to(0, rows);
    case key::end: return move_to(static_cast<std::ptrdiff_t>(rows.size()) - 1, rows);
    case key::left:
    case key::right:
      if (found != rows.end())
        fold(rows, static_cast<std::size_t>(at), press.what == key::left);
      return;
    case key::enter: press.code = is_daemon ? 'l' : ' '; break;
    case key::escape: return;
    case key::character: break;
  }
  switch (press.code) {
    case 'j': return move_to(at + 1, rows);
    case 'k': return move_to(at - 1, rows);
    case ' ':
      if (found != rows.end() && found->is_supervisor)
        fold(rows, static_cast<std::size_t>(at), !view_.collapsed.contains(found->name));
      return;
    case 'l': return is_daemon ? open_log(found->name) : say("choose a daemon to follow its log", true);
    case 'r': return ask("restart");
    case 's': return ask("stop");
    case 'a':
      if (!is_daemon)
        return say("choose a daemon to start it", true);
      if (actions_.begin("start", found->name))
        return say(fmt::format("starting {}", found->name), false);
      return say("too much is under way", true);
    case 'h':
    case '?': view_.page = top_view::scene::help; return;
    case 'q': over_ = true; return;
    default: return;
  }
}

void top_session::on_log_key(key_press press) {
  auto page = look_.height - std::min<std::size_t>(look_.height, 3);
  auto down = [&](std::size_t lines) { view_.log_back -= std::min(view_.log_back, lines); };
  if (press.what == key::up || press.code == 'k')
    ++view_.log_back;
  else if (press.what == key::down || press.code == 'j')
    down(1);
  else if (press.what == key::page_up)
    view_.log_back += page;
  else if (press.what == key::page_down || press.code == ' ')
    down(page);
  else if (press.what == key::home)
    view_.log_back = view_.log.size();
  else if (press.what == key::end)
    view_.log_back = 0;
  else if (press.what == key::escape || press.what == key::left || press.code == 'q') {
    log_.reset();
    view_.page = top_view::scene::tree;
  }
}

void top_session::on_key(key_press press) {
  constexpr char control_c = 3, control_l = 12, control_z = 26;
  if (press.code == control_c) {
    over_ = true;
  } else if (press.code == control_z) {
    suspend();
  } else if (press.code == control_l) {
    measure();
  } else if (!view_.question.empty()) {
    view_.question.clear();
    if (press.code == 'y' || press.code == 'Y')
      say(
        actions_.begin(question_verb_, question_name_) ? fmt::format("{}: {} asked for", question_name_, question_verb_)
                                                       : "too much is under way",
        false);
  } else if (view_.page == top_view::scene::help) {
    view_.page = top_view::scene::tree;
  } else if (view_.page == top_view::scene::log) {
    on_log_key(press);
  } else {
    view_.message.clear();
    on_tree_key(press);
  }
}

int top_session::milliseconds_left() const {
  auto until = next_look_;
  if (!view_.message.empty())
    until = std::min(until, message_until_);
  auto left = std::chrono::ceil<std::chrono::milliseconds>(until - monotonic_now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
}

int top_session::run() {
  if (!screen_.enter())
    return SIGHUP;
  measure();
  bool looking = false;
  while (!over_ && draw_now()) {
    if (!looking && monotonic_now() >= next_look_)
      looking = sampler_.ask();
    std::array<pollfd, 6> waiting = {
      {{STDIN_FILENO, POLLIN, 0},
       {signals_.fd(), POLLIN, 0},
       {sampler_.fd(), POLLIN, 0},
       {actions_.fd(), POLLIN, 0},
       {feed_->lost() ? -1 : feed_->fd(), POLLIN, 0},
       {log_ ? log_->fd() : -1, POLLIN, 0}}};
    int timeout = looking ? (view_.message.empty() ? -1 : std::max(1, milliseconds_left())) : milliseconds_left();
    if (!input_.empty())
      timeout = escape_ms;
    if (poll(waiting.data(), waiting.size(), timeout) < 0 && errno != EINTR)
      break;
    if (waiting[1].revents != 0 && !on_signal(signals_.take()))
      break;
    if (waiting[2].revents != 0)
      if (auto look = sampler_.take()) {
        take_look(*look);
        looking = false;
      }
    if (waiting[3].revents != 0)
      for (auto& outcome : actions_.take())
        say(std::move(outcome.text), outcome.is_bad);
    if (waiting[4].revents != 0)
      take_events(json(feed_->take()));
    if (waiting[5].revents != 0)
      take_log();
    if (!view_.message.empty() && monotonic_now() >= message_until_)
      view_.message.clear();
    if ((waiting[0].revents & POLLIN) != 0) {
      std::array<char, 512> bytes;
      auto n = read(STDIN_FILENO, bytes.data(), bytes.size());
      if (n <= 0 && errno != EINTR && errno != EAGAIN)
        break;
      input_.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    } else if ((waiting[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
      break; // the terminal is gone
    }
    bool waited = waiting[0].revents == 0;
    for (auto press : take_keys(input_, waited))
      if (!over_)
        on_key(press);
  }
  screen_.leave();
  return ended_by_;
}

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
