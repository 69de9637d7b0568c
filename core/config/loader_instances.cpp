// Several daemons out of one table.
#include "core/config/loader.hpp"

#include "core/instances.hpp"

#include <unordered_map>
#include <unordered_set>

namespace duende::config {

/// The last daemon becomes its instances.
void loader::multiply_last() {
  auto base = result_.value.daemons.back();
  auto notes = std::move(daemons_.back());
  result_.value.daemons.pop_back();
  daemons_.pop_back();
  auto refuse = [&](std::string text) { errors_.add(result_.files[notes.file], notes.instances_at, std::move(text)); };
  if (daemons_.size() + notes.instances > max_config_daemons)
    return refuse(fmt::format("more than {} daemons", max_config_daemons));
  if (!base.pid_file.empty())
    refuse("'instances' of one 'pid_file' would overwrite each other's");
  for (auto& one : make_instances(base, notes.instances)) {
    result_.value.daemons.push_back(std::move(one));
    daemons_.push_back(notes);
  }
}

/// A dependency on a name that instances share is one on each of them.
void loader::expand_dependencies() {
  std::unordered_map<std::string_view, std::vector<std::string_view>> groups;
  std::unordered_set<std::string_view> names;
  for (const auto& spec : result_.value.daemons) {
    names.insert(spec.name);
    if (!spec.instance_of.empty())
      groups[spec.instance_of].push_back(spec.name);
  }
  if (groups.empty())
    return;
  std::vector<std::pair<std::vector<dependency>, std::vector<place>>> expanded;
  for (std::size_t i = 0; i < daemons_.size(); ++i) {
    auto& [needed, places] = expanded.emplace_back();
    for (std::size_t k = 0; k < result_.value.daemons[i].depends_on.size(); ++k) {
      const auto& each = result_.value.daemons[i].depends_on[k];
      auto group = names.contains(each.name) ? groups.end() : groups.find(each.name);
      auto count = group == groups.end() ? 1 : group->second.size();
      for (std::size_t n = 0; n < count; ++n) {
        needed.push_back({group == groups.end() ? each.name : std::string{group->second[n]}, each.until});
        places.push_back(daemons_[i].dependencies[k]);
      }
    }
  }
  for (std::size_t i = 0; i < daemons_.size(); ++i) {
    if (expanded[i].first != result_.value.daemons[i].depends_on)
      result_.value.daemons.edit(i).depends_on = std::move(expanded[i].first);
    daemons_[i].dependencies = std::move(expanded[i].second);
  }
}

} // namespace duende::config
