#include "actors/readiness.hpp"

#include "actors/channels.hpp"
#include "actors/incarnation.hpp"
#include "actors/launch.hpp"
#include "actors/probe_launcher.hpp"
#include "monitors/logs/capture.hpp"
#include "monitors/probes/readiness.hpp"

#include <caf/send.hpp>

namespace duende {
namespace {

template <class Message>
void send_if_alive(const caf::actor_addr& to, Message message) {
  if (auto target = caf::actor_cast<caf::actor>(to))
    caf::anon_send(target, std::move(message));
}

} // namespace

readiness::readiness(services_ptr with, daemon_spec_ptr spec, const uuid& id)
  : with_(std::move(with)), spec_(std::move(spec)), id_(id) {}

readiness::~readiness() {
  if (spec_->ready.type == readiness_type::log && with_->logs)
    with_->logs->unwatch(id_);
  if (with_->side)
    with_->side->silence(id_);
}

std::unique_ptr<readiness> readiness::begin(
  const caf::actor& to, services_ptr with, daemon_spec_ptr spec, const uuid& id, std::uint32_t incarnation,
  const std::string& record) {
  auto type = spec->ready.type;
  if (type == readiness_type::none && !uses_notify(*spec))
    return nullptr;
  std::unique_ptr<readiness> result{new readiness{std::move(with), std::move(spec), id}};
  auto& r = *result;
  if (!r.with_->side)
    return result;
  r.with_->side->listen(id, incarnation, record, to.address(), type, r.spec_->fd_store_max);
  if (type == readiness_type::log && r.with_->logs) {
    auto matched = [side = r.with_->side, id, address = to.address()] {
      side->mark_ready(id, readiness_type::log);
      send_if_alive(address, probe_note{true, {}});
    };
    if (auto watching = r.with_->logs->watch(id, r.spec_->ready.pattern, std::move(matched)); !watching)
      caf::anon_send(to, probe_note{false, sentence(watching.error())});
  }
  return result;
}

void readiness::probe(const caf::actor& to) {
  auto type = spec_->ready.type;
  if (type != readiness_type::tcp && type != readiness_type::http && type != readiness_type::exec)
    return;
  watch_ = std::make_unique<readiness_watch>(
    *with_->io, spec_->ready, readiness_means{probe_launcher(with_, spec_), -1},
    [address = to.address()](const probe_result& result) {
      send_if_alive(address, probe_note{result.ok, result.text});
    });
}

void readiness::reached() { watch_.reset(); }

std::string readiness::last_failure() const { return watch_ ? watch_->last_failure() : std::string{}; }

} // namespace duende
