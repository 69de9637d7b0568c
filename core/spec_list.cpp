#include "core/spec_list.hpp"

#include "core/spec.hpp"

#include <unordered_map>

namespace duende {

spec_list::spec_list(std::initializer_list<daemon_spec> specs) {
  for (auto& spec : specs)
    push_back(spec);
}

daemon_spec_ptr spec_list::find(std::string_view name) const {
  auto at = std::find_if(items_.begin(), items_.end(), [&](auto& each) { return each->name == name; });
  return at == items_.end() ? nullptr : *at;
}

void spec_list::push_back(daemon_spec spec) { items_.push_back(std::make_shared<daemon_spec>(std::move(spec))); }

void spec_list::insert(std::size_t before, daemon_spec_ptr spec) {
  items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(before), std::move(spec));
}

daemon_spec& spec_list::edit(std::size_t i) {
  auto own = std::make_shared<daemon_spec>(*items_[i]);
  auto& result = *own;
  items_[i] = std::move(own);
  return result;
}

void spec_list::share_with(const spec_list& other) {
  std::unordered_map<std::string_view, const daemon_spec_ptr*> known;
  known.reserve(other.size());
  for (auto& each : other.items_)
    known.emplace(each->name, &each);
  for (auto& each : items_)
    if (auto same = known.find(each->name); same != known.end() && **same->second == *each)
      each = *same->second;
}

bool spec_list::operator==(const spec_list& other) const {
  return std::equal(begin(), end(), other.begin(), other.end());
}

} // namespace duende
