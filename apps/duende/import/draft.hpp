// A duende.toml in the making: what importers fill in and `finish` writes, so that quoting and comments are one place's business.
#pragma once

#include "apps/duende/import/import.hpp"
#include "core/state.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace duende::porting {

/// Values as TOML writes them, each on one line.
std::string toml(std::string_view text);
std::string toml(const std::vector<std::string>& texts);
std::string toml(const std::map<std::string, std::string>& table);
std::string toml(const std::vector<int>& numbers);

/// A key with its value, or a remark alone where `key` is empty.
struct entry {
  std::string key, value;
  std::string remark;   ///< comment above it
  bool refused = false; ///< a comment itself; the remark says why
};

struct section {
  std::string name; ///< "restart"; empty: the daemon's own keys
  bool repeated = false;
  std::vector<entry> entries;
};

struct need {
  std::string id; ///< as the source names it
  milestone until = milestone::ready;
};

class daemon_draft {
public:
  /// `id`: its name in the source, made a valid one by `finish`.
  explicit daemon_draft(std::string id) : id_(std::move(id)) {}

  /// The later of two wins.
  void set(std::string_view part, std::string_view key, std::string value, std::string remark = {});
  void text(std::string_view part, std::string_view key, std::string_view value) { set(part, key, toml(value)); }
  /// A [[daemon.PART]] of its own.
  void add(std::string_view part, std::vector<entry> entries);
  void remark(std::string text, std::string_view part = {});
  /// "not carried over: WHAT: WHY"
  void lost(std::string_view what, std::string_view why, std::string_view part = {});
  void command(const std::vector<std::string>& words);
  void env(std::map<std::string, std::string> variables);
  bool has(std::string_view part, std::string_view key) const;
  /// The whole daemon becomes a comment.
  void refuse(std::string why) { refused_ = std::move(why); }

  std::vector<need> needs;

private:
  friend class finisher;
  section& at(std::string_view part);

  std::string id_, name_, refused_;
  std::vector<section> sections_;
};

struct draft {
  std::string source; ///< what the head says this was made of
  std::vector<std::string> head;
  std::vector<std::string> supervisors; ///< one_for_one groups below the root
  std::vector<daemon_draft> daemons;
};

/// `text` as a daemon may be called: other characters become '-'.
std::string valid_name_of(std::string_view text);

/// The file: names made unique, dependencies that can't be kept left out, and each line that the loader of this version
/// refuses made a comment with its words. What comes back has passed the loader. Errors: limit_reached, internal.
caf::expected<std::string> finish(draft what, const std::string& base_dir);

/// Faults of the file that is read.
class faults {
public:
  explicit faults(std::string file) : file_(std::move(file)) {}

  template <class... Ts>
  void add(std::size_t line, fmt::format_string<Ts...> text, Ts&&... args) {
    put(file_, line, 0, fmt::format(text, std::forward<Ts>(args)...));
  }
  void put(const std::string& file, std::size_t line, std::size_t column, std::string message);
  bool any() const { return !list_.empty(); }
  std::vector<config_error> take() { return std::move(list_); }

private:
  std::string file_;
  std::vector<config_error> list_;
};

/// What every importer begins with: a fault and false where the text is no text (NUL, no UTF-8, too large).
bool readable(std::string_view text, faults& problems);
/// What every importer ends with.
result conclude(draft what, faults& problems, const std::string& path);

} // namespace duende::porting
