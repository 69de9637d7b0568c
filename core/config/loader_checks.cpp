// What only shows when all files are read.
#include "core/config/loader.hpp"

#include "core/instances.hpp"

#include <algorithm>
#include <unordered_map>

namespace duende::config {

void loader::check_duplicates() {
  auto check = [&](std::string_view what, const auto& specs, const std::vector<table_notes>& notes) {
    std::unordered_map<std::string_view, std::size_t> first;
    for (std::size_t i = 0; i < specs.size(); ++i) {
      if (specs[i].name.empty())
        continue;
      auto [known, is_new] = first.emplace(specs[i].name, i);
      if (is_new)
        continue;
      const auto& earlier = notes[known->second];
      errors_.add(
        result_.files[notes[i].file], notes[i].name,
        fmt::format(
          "duplicate {} '{}'; the first is at {}:{}:{}", what, specs[i].name, result_.files[earlier.file],
          earlier.name.line, earlier.name.column));
    }
  };
  check("daemon", result_.value.daemons, daemons_);
  check("supervisor", result_.value.supervisors, supervisors_);
  // Commands take either's name.
  std::unordered_map<std::string_view, std::size_t> groups;
  for (std::size_t i = 0; i < supervisors_.size(); ++i)
    groups.emplace(result_.value.supervisors[i].name, i);
  for (std::size_t i = 0; i < daemons_.size(); ++i) {
    auto same = groups.find(result_.value.daemons[i].name);
    if (same == groups.end() || same->first.empty())
      continue;
    const auto& earlier = supervisors_[same->second];
    errors_.add(
      result_.files[daemons_[i].file], daemons_[i].name,
      fmt::format(
        "daemon '{}' has the name of a supervisor; that one is at {}:{}:{}", same->first, result_.files[earlier.file],
        earlier.name.line, earlier.name.column));
  }
}

/// One address is one daemon's.
void loader::check_sockets() {
  std::unordered_map<std::string_view, std::string_view> taken;
  for (std::size_t i = 0; i < daemons_.size(); ++i) {
    const auto& spec = result_.value.daemons[i];
    const auto& notes = daemons_[i];
    for (std::size_t k = 0; k < spec.sockets.size(); ++k) {
      auto [known, is_new] = taken.emplace(spec.sockets[k].listen, group_name(spec)); // instances share theirs
      if (!is_new && !known->first.empty() && known->second != group_name(spec))
        errors_.add(
          result_.files[notes.file], notes.sockets[k],
          fmt::format("'socket.listen': daemon '{}' listens on '{}' already", known->second, known->first));
    }
    auto first_free = static_cast<int>(3 + spec.sockets.size());
    if (!spec.sockets.empty() && spec.ready.type == readiness_type::fd && spec.ready.fd < first_free)
      errors_.add(
        result_.files[notes.file], notes.sockets.front(),
        fmt::format(
          "'ready.number' = {} is the number of one of its sockets; the first free one is {}", spec.ready.fd,
          first_free));
  }
}

void loader::check_references() {
  for (auto& fault : check_graph(result_.value)) {
    bool unknown = !fault.message.starts_with("dependency cycle") && !fault.message.starts_with("supervisors in");
    if (unknown && names_missing_)
      continue;
    const auto& notes = fault.who.is_supervisor ? supervisors_[fault.who.index] : daemons_[fault.who.index];
    auto at = fault.at_dependency   ? notes.dependencies[fault.dependency]
              : fault.at_supervisor ? notes.supervisor
                                    : notes.name;
    errors_.add(result_.files[notes.file], at, std::move(fault.message));
  }
}

void loader::sort_errors() {
  std::unordered_map<std::string_view, std::size_t> order;
  for (const auto& file : result_.files)
    order.emplace(file, order.size());
  auto rank = [&](const config_error& error) {
    auto found = order.find(error.file);
    return found == order.end() ? order.size() : found->second;
  };
  std::stable_sort(errors_.kept.begin(), errors_.kept.end(), [&](const config_error& a, const config_error& b) {
    return std::make_tuple(rank(a), a.line, a.column) < std::make_tuple(rank(b), b.line, b.column);
  });
}

} // namespace duende::config
