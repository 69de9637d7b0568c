#include "actors/services.hpp"

#include "core/event.hpp"
#include "core/paths.hpp"
#include "core/reactor.hpp"
#include "monitors/history/store.hpp"

namespace duende {

void services::after(duration delay, std::function<void()> fn) const {
  if (timers)
    timers(delay, std::move(fn));
  else
    io->after(delay, std::move(fn));
}

void services::record(event what) const {
  what.node = node;
  if (what.at == wall_time{})
    what.at = wall_now();
  store->record(std::move(what));
}

std::string log_dir_of(const services& with, const std::string& name, const std::string& configured) {
  return configured.empty() ? with.state_dir + "/logs/" + name : absolute_path(with.state_dir, configured);
}

std::string notify_path_of(const services& with, const uuid& id) { return with.run_dir + "/notify/" + to_string(id); }

} // namespace duende
