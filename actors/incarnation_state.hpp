// What the state functions of a process incarnation share. Private to incarnation*.cpp.
#pragma once

#include "actors/incarnation.hpp"
#include "actors/readiness.hpp"

namespace duende {

struct incarnation_state {
  static constexpr const char* name = "duende.incarnation";

  services_ptr with;
  daemon_spec_ptr spec;
  life_watcher supervisor;
  uuid id;
  std::uint32_t number = 0;
  std::int32_t pid = 0;
  std::uint32_t alarm_generation = 1; ///< an alarm of another generation is stale
  bool asked = false;                 ///< the supervisor ordered the end
  bool ready = false;
  bool early_ready = false; ///< readiness was seen before `launched` came
  bool paused = false;      ///< the process is stopped by a signal
  bool stopping = false;    ///< on its way out: nothing brings it back
  bool overran = false;     ///< shutdown_timeout passed, SIGKILL was sent
  bool at_once = false;     ///< a stop_order came before the process did: how to stop it
  std::optional<exit_reason> because;
  std::unique_ptr<readiness> waiting; ///< while starting with a readiness condition
  std::string record;
  instant started_at{}, last_ping{};
};

using incarnation_ptr = incarnation_actor::stateful_pointer<incarnation_state>;
using incarnation_behavior = incarnation_actor::behavior_type;

inline caf::actor as_actor(incarnation_ptr self) {
  return caf::actor_cast<caf::actor>(caf::actor_cast<caf::strong_actor_ptr>(self));
}

// One behaviour for each state.
incarnation_behavior starting(incarnation_ptr self);
incarnation_behavior running(incarnation_ptr self);
incarnation_behavior paused(incarnation_ptr self);
incarnation_behavior stopping(incarnation_ptr self);

// Transitions and what they do.
void became_launched(incarnation_ptr self, const launched& process);
void became_ready(incarnation_ptr self, life_note::kind told = life_note::kind::ready);
void began_stopping(incarnation_ptr self, const stop_order& order);
void end_process(incarnation_ptr self, bool at_once);
void end_life(incarnation_ptr self, const process_exit& exit);
void end_unlaunched(incarnation_ptr self, exit_reason reason);
void tell(incarnation_ptr self, life_note::kind what, std::string text = {});
void set_alarm(incarnation_ptr self, alarm which, duration delay);
void heard(incarnation_ptr self, const notify_note& note);
void watchdog_due(incarnation_ptr self);

} // namespace duende
