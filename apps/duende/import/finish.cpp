// From the draft to a file that the loader accepts.
#include "apps/duende/import/draft.hpp"
#include "core/config/load.hpp"
#include "core/errc.hpp"
#include "core/names.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace duende::porting {
namespace {

/// Each round takes out what the loader refused in the one before; what depends on that shows in the next.
constexpr int max_rounds = 20;
constexpr std::size_t comment_width = 120;
constexpr std::size_t longest_remark = 2000;

/// A comment may hold anything but control characters.
std::string harmless(std::string_view text) {
  std::string result;
  for (char c : text.substr(0, longest_remark))
    result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  while (!result.empty() && (result.back() & 0xc0) == 0x80 && text.size() > longest_remark)
    result.pop_back(); // not in the middle of a character
  if (text.size() > longest_remark && !result.empty() && (result.back() & 0x80) != 0)
    result.pop_back();
  return result;
}

/// `text` in lines of bounded width, broken at blanks.
std::vector<std::string> wrapped(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    auto line = harmless(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    while (line.size() > comment_width) {
      auto blank = line.rfind(' ', comment_width);
      if (blank == std::string::npos || blank == 0)
        blank = line.find(' ', 1);
      if (blank == std::string::npos)
        break;
      lines.push_back(line.substr(0, blank));
      line.erase(0, blank + 1);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

} // namespace

class finisher {
public:
  finisher(draft what, const std::string& base_dir) : what_(std::move(what)), base_dir_(base_dir) {}

  caf::expected<std::string> run() {
    if (what_.daemons.size() > max_imported_daemons)
      return fail(errc::limit_reached, "{} daemons; the most is {}", what_.daemons.size(), max_imported_daemons);
    name_all();
    for (int round = 0; round < max_rounds; ++round) {
      cut_cycles();
      write();
      auto loaded = load_text(text_, config_format::toml, "duende.toml", base_dir_);
      if (loaded.ok())
        return std::move(text_);
      bool changed = false;
      for (const auto& error : loaded.errors)
        changed |= take_out(error);
      if (!changed)
        return fail(
          errc::internal, "what would be written does not pass the check: {}", to_string(loaded.errors.front()));
    }
    return fail(errc::internal, "what would be written does not pass the check after {} rounds", max_rounds);
  }

private:
  /// What a line of the text came from.
  struct origin {
    std::size_t daemon = none;
    entry* line = nullptr; ///< null: the daemon as a whole
  };
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  void name_all() {
    std::unordered_set<std::string> taken;
    for (auto& daemon : what_.daemons) {
      auto base = valid_name_of(daemon.id_);
      daemon.name_ = base;
      for (int n = 2; !taken.insert(daemon.name_).second; ++n) {
        auto suffix = fmt::format("-{}", n);
        daemon.name_ = base.substr(0, max_name_bytes - suffix.size()) + suffix;
      }
      by_id_.emplace(daemon.id_, &daemon);
    }
  }

  daemon_draft* find(const std::string& id) {
    auto found = by_id_.find(id);
    return found == by_id_.end() || !found->second->refused_.empty() ? nullptr : found->second;
  }

  void drop_needs(daemon_draft& daemon) {
    std::unordered_set<std::string> seen;
    std::erase_if(daemon.needs, [&](const need& each) {
      if (!seen.insert(each.id).second)
        return true;
      if (find(each.id) != nullptr)
        return false;
      daemon.lost(
        fmt::format("the dependency on '{}'", each.id),
        by_id_.contains(each.id) ? "that one was not carried over itself" : "nothing of that name is in this file");
      return true;
    });
  }

  /// A depth-first search; an edge back to where it came from is left out.
  void cut_cycles() {
    std::unordered_map<daemon_draft*, int> colour; // 1: on the path, 2: done
    for (auto& daemon : what_.daemons)
      drop_needs(daemon);
    std::vector<std::pair<daemon_draft*, std::size_t>> path;
    for (auto& start : what_.daemons) {
      if (colour[&start] != 0)
        continue;
      colour[&start] = 1;
      path.emplace_back(&start, 0);
      while (!path.empty()) {
        auto [at, next] = path.back();
        if (next == at->needs.size()) {
          colour[at] = 2;
          path.pop_back();
          continue;
        }
        auto* target = find(at->needs[next].id);
        if (target != nullptr && colour[target] == 0) {
          ++path.back().second;
          colour[target] = 1;
          path.emplace_back(target, 0);
        } else if (target == nullptr || colour[target] == 1) {
          at->lost(fmt::format("the dependency on '{}'", at->needs[next].id), "it would be a cycle");
          at->needs.erase(at->needs.begin() + static_cast<std::ptrdiff_t>(next));
        } else {
          ++path.back().second;
        }
      }
    }
  }

  void line(std::string_view text) { line(text, origin{}); }
  void line(std::string_view text, const origin& from) {
    text_ += text;
    text_ += '\n';
    origins_.push_back(from);
  }
  void comment(std::string_view text) { comment(text, origin{}); }
  void comment(std::string_view text, const origin& from) {
    for (const auto& each : wrapped(text))
      line(each.empty() ? "#" : "# " + each, from);
  }

  void write() {
    text_.clear();
    origins_.clear();
    comment(what_.source);
    for (const auto& remark : what_.head)
      comment(remark);
    for (const auto& name : what_.supervisors) {
      line("");
      line("[[supervisor]]");
      line("name = " + toml(name));
    }
    for (std::size_t i = 0; i < what_.daemons.size(); ++i)
      write_daemon(i);
  }

  std::string dependencies(const daemon_draft& daemon) {
    std::string list;
    for (const auto& each : daemon.needs) {
      auto name = toml(find(each.id)->name_);
      auto item = each.until == milestone::ready
                    ? name
                    : fmt::format("{{ name = {}, until = \"{}\" }}", name, to_string(each.until));
      list += (list.empty() ? "" : ", ") + item;
    }
    return "[" + list + "]";
  }

  void write_daemon(std::size_t i) {
    auto& daemon = what_.daemons[i];
    const origin whole{i, nullptr};
    auto first_line = text_.size();
    line("");
    line("[[daemon]]", whole);
    if (daemon.name_ != daemon.id_)
      comment(fmt::format("its name was '{}'", daemon.id_), whole);
    line("name = " + toml(daemon.name_), whole);
    if (daemon.sections_.empty() && !daemon.needs.empty())
      line("depends_on = " + dependencies(daemon), whole);
    for (auto& part : daemon.sections_) {
      write_section(i, part);
      if (part.name.empty() && !daemon.needs.empty())
        line("depends_on = " + dependencies(daemon), whole);
    }
    if (!daemon.refused_.empty())
      make_comment(first_line, daemon.refused_);
  }

  void write_section(std::size_t i, section& part) {
    bool live = std::any_of(
      part.entries.begin(), part.entries.end(), [](const entry& each) { return !each.key.empty() && !each.refused; });
    // A header that nothing follows but comments would be an empty section: it becomes a comment, too.
    if (!part.name.empty()) {
      line("");
      auto header = part.repeated ? fmt::format("  [[daemon.{}]]", part.name) : fmt::format("  [daemon.{}]", part.name);
      line(live ? header : "  # " + header.substr(2), {i, part.entries.empty() ? nullptr : &part.entries.front()});
    }
    std::string_view indent = part.name.empty() ? "" : "  ";
    for (auto& each : part.entries) {
      const origin from{i, each.key.empty() ? nullptr : &each};
      for (const auto& words : wrapped(each.remark))
        line(fmt::format("{}# {}", indent, words), from);
      if (!each.key.empty())
        line(fmt::format("{}{}{} = {}", indent, each.refused ? "# " : "", each.key, each.value), from);
    }
  }

  /// Everything from `first` on, which is one daemon, becomes a comment.
  void make_comment(std::size_t first, std::string_view why) {
    auto lines = text_.substr(first);
    text_.resize(first);
    origins_.resize(static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\n')));
    line("");
    comment(why);
    std::string_view rest{lines};
    rest.remove_prefix(1); // the empty line above the daemon
    while (!rest.empty()) {
      auto end = rest.find('\n');
      auto each = rest.substr(0, end);
      line(each.empty() ? "#" : fmt::format("# {}", each));
      rest.remove_prefix(end + 1);
    }
  }

  /// False where nothing of the draft stands at that place.
  bool take_out(const config_error& error) {
    if (error.line == 0 || error.line > origins_.size())
      return false;
    auto [daemon, which] = origins_[error.line - 1];
    if (daemon == none)
      return false;
    auto& whole = what_.daemons[daemon];
    auto* part = which == nullptr ? nullptr : section_of(whole, *which);
    if (part == nullptr || (part->name.empty() && (which->key == "binary_path" || which->key == "args"))) {
      if (whole.refused_.empty())
        whole.refused_ = fmt::format("not carried over: '{}': {}", whole.id_, error.message);
      return true;
    }
    refuse(*which, "not carried over: " + error.message);
    // The word that says what the others mean takes them with it.
    if (which->key == "type" || part->repeated)
      for (auto& each : part->entries)
        refuse(each, {});
    return true;
  }

  static section* section_of(daemon_draft& daemon, const entry& which) {
    for (auto& part : daemon.sections_)
      for (const auto& each : part.entries)
        if (&each == &which)
          return &part;
    return nullptr;
  }

  static void refuse(entry& each, std::string why) {
    if (each.key.empty() || each.refused)
      return;
    each.refused = true;
    if (!why.empty())
      each.remark += (each.remark.empty() ? "" : "\n") + why;
  }

  draft what_;
  std::string base_dir_;
  std::unordered_map<std::string, daemon_draft*> by_id_;
  std::string text_;
  std::vector<origin> origins_; ///< of each line
};

caf::expected<std::string> finish(draft what, const std::string& base_dir) {
  return finisher{std::move(what), base_dir}.run();
}

} // namespace duende::porting
