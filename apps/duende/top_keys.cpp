// What the keys of `duende top` do.
#include "apps/duende/show.hpp"
#include "apps/duende/top_session.hpp"
#include "apps/duende/top_text.hpp"
#include "core/instances.hpp"

#include <algorithm>

namespace duende::cli {

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
  asked_ = {verb, view_.selected->name};
  view_.question = fmt::format("{} {}?  y yes   any other key no", verb, harmless(asked_.name));
}

/// Of the selected daemon and those of the same name: to replace all of them one after another, or to have more or fewer.
void top_session::ask_about_all(const std::string& verb, int change) {
  auto daemon = view_.selected ? model_.daemons.find(view_.selected->name) : model_.daemons.end();
  if (!view_.selected || view_.selected->is_supervisor || daemon == model_.daemons.end())
    return say(fmt::format("choose one of the daemons to {}", verb == "roll" ? "restart" : verb), true);
  const auto& group = daemon->second.group;
  present_ = model_.instances_of(group);
  if (change < 0 && present_ <= 1)
    return say(fmt::format("{} has one instance: s stops it", harmless(group)), true);
  asked_ = {verb, group};
  if (verb == "roll") {
    view_.question = fmt::format(
      "restart {} of {}, one after another?  y yes   any other key no",
      present_ == 1 ? "1 instance" : fmt::format("all {} instances", present_), harmless(group));
  } else {
    asked_.instances = present_;
    on_answer({key::character, change > 0 ? '+' : '-'});
  }
}

void top_session::on_answer(key_press press) {
  if (asked_.verb == "scale" && (press.code == '+' || press.code == '=' || press.code == '-')) {
    auto wanted =
      press.code == '-' ? std::max(asked_.instances, 2u) - 1 : std::min(asked_.instances + 1, max_instances);
    asked_.instances = wanted;
    view_.question = fmt::format(
      "scale {} from {} to {}?  y yes   + - change   any other key no", harmless(asked_.name), present_, wanted);
    return;
  }
  view_.question.clear();
  if (press.code == 'y' || press.code == 'Y')
    give(asked_);
}

void top_session::give(const top_order& order) {
  if (!actions_.begin(order))
    return say("too much is under way", true);
  auto what = order.verb == "start"   ? fmt::format("starting {}", order.name)
              : order.verb == "roll"  ? fmt::format("{}: rolling restart asked for", order.name)
              : order.verb == "scale" ? fmt::format("{}: {} instances asked for", order.name, order.instances)
                                      : fmt::format("{}: {} asked for", order.name, order.verb);
  say(harmless(what), false);
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
      return give({"start", found->name});
    case 'R': return ask_about_all("roll");
    case '+':
    case '=': return ask_about_all("scale", 1);
    case '-': return ask_about_all("scale", -1);
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
    on_answer(press);
  } else if (view_.page == top_view::scene::help) {
    view_.page = top_view::scene::tree;
  } else if (view_.page == top_view::scene::log) {
    on_log_key(press);
  } else {
    view_.message.clear();
    on_tree_key(press);
  }
}

} // namespace duende::cli
