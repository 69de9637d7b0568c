#include "backends/native/backend.hpp"

namespace duende {
namespace {

using pointer = backend_actor::stateful_pointer<native_state>;

keeper_link* link_of(pointer self) { return self->state.link.get(); }

/// Hands a notice on to the incarnation it is about; one of an older incarnation goes nowhere.
template <class Notice>
void pass_on(pointer self, const Notice& notice, std::optional<Notice> native_state::unheard::*place) {
  constexpr bool is_end = !std::is_same_v<Notice, run_change>;
  auto& state = self->state;
  auto found = state.routes.find(notice.id);
  if (found == state.routes.end()) {
    state.kept[notice.id].*place = notice;
    return;
  }
  if (found->second.incarnation != notice.incarnation)
    return;
  if (found->second.to)
    self->send(found->second.to, notice);
  if (!is_end)
    return;
  bool nobody = !found->second.to;
  state.routes.erase(found);
  if (auto* link = link_of(self); nobody && link != nullptr)
    link->forget(notice.id);
}

void adopt(pointer self, const uuid& id, std::uint32_t incarnation, const launch_listener& to) {
  auto& state = self->state;
  state.routes[id] = {incarnation, to};
  auto known = state.kept.extract(id);
  if (!known)
    return;
  auto& [failure, exit, change] = known.mapped();
  if (change && !exit && !failure)
    pass_on(self, *change, &native_state::unheard::change);
  if (failure)
    pass_on(self, *failure, &native_state::unheard::failure);
  if (exit)
    pass_on(self, *exit, &native_state::unheard::exit);
}

void launch(pointer self, const link_source& source, const launch_request_ptr& request, const launch_listener& to) {
  auto& state = self->state;
  state.kept.erase(request->id);
  if (!state.link) {
    auto link = source();
    if (!link) {
      self->send(to, launch_failure{request->id, request->incarnation, sentence(link.error())});
      return;
    }
    state.link = std::move(*link);
  }
  state.routes[request->id] = {request->incarnation, to};
  state.link->launch(*request);
}

} // namespace

backend_actor::behavior_type native_backend(pointer self, link_source source) {
  return {
    [=](launch_atom, const launch_request_ptr& request, const launch_listener& to) {
      launch(self, source, request, to);
    },
    [=](adopt_atom, const uuid& id, std::uint32_t incarnation, const launch_listener& to) {
      if (!self->state.link)
        if (auto link = source())
          self->state.link = std::move(*link);
      adopt(self, id, incarnation, to);
    },
    [=](signal_atom, const uuid& id, std::uint32_t incarnation, int number, signal_scope scope) {
      if (auto* link = link_of(self))
        link->signal(id, incarnation, number, scope);
    },
    [=](record_atom, const uuid& id, std::uint32_t incarnation, const std::string& record) {
      if (auto* link = link_of(self))
        link->set_record(id, incarnation, record);
    },
    [=](main_pid_atom, const uuid& id, std::uint32_t incarnation, std::int32_t pid) {
      if (auto* link = link_of(self))
        link->main_pid(id, incarnation, pid);
    },
    [=](forget_atom, const uuid& id) {
      self->state.routes.erase(id);
      self->state.kept.erase(id);
      if (auto* link = link_of(self))
        link->forget(id);
    },
    [=](retain_atom, const listen_list_ptr& sockets) {
      if (auto* link = link_of(self))
        link->retain_sockets(*sockets);
    },
    [=](retain_atom, const uuid& id) {
      if (auto* link = link_of(self))
        link->drop_fds(id, {});
    },
    [=](const launched& notice) {
      auto found = self->state.routes.find(notice.id);
      if (found != self->state.routes.end() && found->second.incarnation == notice.incarnation && found->second.to)
        self->send(found->second.to, notice);
    },
    [=](const launch_failure& notice) { pass_on(self, notice, &native_state::unheard::failure); },
    [=](const process_exit& notice) { pass_on(self, notice, &native_state::unheard::exit); },
    [=](const run_change& notice) { pass_on(self, notice, &native_state::unheard::change); }};
}

} // namespace duende
