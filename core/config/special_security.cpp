#include "core/config/special_security.hpp"

#include "core/capabilities.hpp"
#include "core/errc.hpp"
#include "core/seccomp_library.hpp"
#include "core/suggest.hpp"

#include <algorithm>
#include <array>

namespace duende::config {
namespace {

constexpr auto words = std::to_array<std::string_view>({"default", "off"});
constexpr auto keys = std::to_array<std::string_view>({"allow", "deny", "action"});
constexpr auto actions = std::to_array<std::string_view>({"kill", "errno"});
constexpr auto features = std::to_array<std::string_view>({"landlock", "seccomp", "network"});
// Without these there is no start to speak of, and nobody to tell of a failed one.
constexpr auto needed_calls =
  std::to_array<std::string_view>({"execve", "exit", "exit_group", "rt_sigreturn", "restart_syscall", "write"});

template <class Names>
void unknown_word(
  context& c, const rule& r, const value& v, std::string_view what, const Names& known, bool list = true) {
  c.error(
    v.at, "'{}{}': {} '{}'{}{}", c.path, r.key, what, v.text.substr(0, 100), did_you_mean(v.text, known),
    list ? fmt::format(" (accepted: {})", fmt::join(known, ", ")) : std::string{});
}

bool is_text(context& c, const rule& r, const value& item) {
  if (item.type != kind::string)
    c.error(item.at, "'{}{}': expected a string, found {}", c.path, r.key, name_of(item.type));
  return item.type == kind::string;
}

/// The calls of `list`, each once, in the order of the file.
std::vector<std::string> read_calls(context& c, const rule& r, const value& list, bool denied) {
  std::vector<std::string> calls;
  if (list.type != kind::array) {
    c.error(list.at, "'{}{}': expected an array of system calls, found {}", c.path, r.key, name_of(list.type));
    return calls;
  }
  if (list.items.empty())
    c.error(list.at, "'{}{}': an empty list of system calls{}", c.path, r.key, denied ? "; write \"off\"" : "");
  if (list.items.size() > max_sandbox_calls)
    c.error(list.at, "'{}{}': {} system calls; the most is {}", c.path, r.key, list.items.size(), max_sandbox_calls);
  auto library = load_seccomp();
  if (!library) {
    c.error(list.at, "'{}{}': {}", c.path, r.key, sentence(library.error()));
    return calls;
  }
  for (const auto& item : list.items) {
    if (!is_text(c, r, item))
      continue;
    if (!is_system_call(**library, item.text))
      unknown_word(c, r, item, "unknown system call", system_call_names(**library), false);
    else if (denied && std::find(needed_calls.begin(), needed_calls.end(), item.text) != needed_calls.end())
      c.error(
        item.at, "'{}{}': '{}' can't be denied: nothing starts, or tells of a failed start, without it", c.path, r.key,
        item.text);
    else if (std::find(calls.begin(), calls.end(), item.text) == calls.end())
      calls.push_back(item.text);
  }
  return calls;
}

} // namespace

void set_capabilities(context& c, const rule& r, const value& v) {
  std::vector<std::string> names;
  for (const auto& item : v.items) {
    if (!is_text(c, r, item))
      continue;
    auto number = capability_number(item.text);
    if (!number) {
      unknown_word(c, r, item, "unknown capability", capability_names(), false);
      continue;
    }
    auto name = capability_name(*number);
    if (std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
  }
  c.as<daemon_spec>().sandbox.obtain().capabilities = std::move(names);
}

void set_seccomp(context& c, const rule& r, const value& v) {
  auto& to = c.as<daemon_spec>().sandbox.obtain();
  if (v.type == kind::string) {
    if (v.text == "default")
      to.seccomp = seccomp_mode::standard;
    else if (v.text != "off")
      unknown_word(c, r, v, "unknown value", words);
    return;
  }
  for (const auto& entry : v.members)
    if (std::find(keys.begin(), keys.end(), entry.key) == keys.end())
      c.error(
        entry.at, "'{}{}': unknown key '{}'{}", c.path, r.key, entry.key.substr(0, 100), did_you_mean(entry.key, keys));
  const auto* allow = v.find("allow");
  const auto* deny = v.find("deny");
  if ((allow != nullptr) == (deny != nullptr))
    c.error(
      v.at, "'{}{}': {}", c.path, r.key,
      allow != nullptr ? "'allow' and 'deny' exclude each other" : "needs 'allow' or 'deny'");
  if (const auto* action = v.find("action"); action != nullptr && is_text(c, r, *action)) {
    if (std::find(actions.begin(), actions.end(), action->text) == actions.end())
      unknown_word(c, r, *action, "unknown action", actions);
    to.action = action->text == "errno" ? seccomp_action::fail : seccomp_action::kill;
  }
  to.seccomp = allow != nullptr ? seccomp_mode::allow : seccomp_mode::deny;
  if (const auto* list = allow != nullptr ? allow : deny; list != nullptr)
    to.calls = read_calls(c, r, *list, allow == nullptr);
}

nlohmann::json get_seccomp(const rule&, const void* object) {
  const auto& box = static_cast<const daemon_spec*>(object)->sandbox;
  if (!box || box->seccomp == seccomp_mode::off)
    return {};
  if (box->seccomp == seccomp_mode::standard)
    return "default";
  return {
    {box->seccomp == seccomp_mode::allow ? "allow" : "deny", box->calls},
    {"action", box->action == seccomp_action::kill ? "kill" : "errno"}};
}

void set_optional(context& c, const rule& r, const value& v) {
  std::vector<std::string> names;
  for (const auto& item : v.items) {
    if (!is_text(c, r, item))
      continue;
    if (std::find(features.begin(), features.end(), item.text) == features.end())
      unknown_word(c, r, item, "unknown feature", features);
    else if (std::find(names.begin(), names.end(), item.text) == names.end())
      names.push_back(item.text);
  }
  c.as<daemon_spec>().sandbox.obtain().optional = std::move(names);
}

} // namespace duende::config
