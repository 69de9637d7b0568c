// How a node ends: it stops everything, or gives way to another program, and what the next one says about that.
#include "actors/exporter.hpp"
#include "actors/node_host.hpp"

#include <caf/send.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <chrono>

namespace duende {
namespace {

constexpr duration patience = 30s; ///< for the new program to serve

} // namespace

/// Says with which event this node begins.
void node_host::record_start(std::uint32_t generation) {
  event what{.kind = event_kind::node};
  if (options_.upgraded) {
    what.kind = event_kind::upgrade;
    what.text = fmt::format("node '{}' runs version {} now, generation {}", options_.name, DUENDE_VERSION, generation);
  } else if (!options_.upgrade_failure.empty()) {
    what.kind = event_kind::upgrade;
    what.text = fmt::format(
      "the upgrade failed, version {} is back: the new program did not come up, {}", DUENDE_VERSION,
      options_.upgrade_failure);
  } else if (generation == 1) {
    what.text = fmt::format("node '{}' starts", options_.name);
  } else {
    what.text = fmt::format("node '{}' is back after a crash, generation {}", options_.name, generation);
  }
  services_->record(std::move(what));
}

caf::expected<void> node_host::begin_upgrade() {
  auto keeper = link();
  if (!keeper || options_.state_dir.empty())
    return make_error(errc::unsupported, "a node within a program is upgraded with that program");
  if (auto ready = keeper->upgrade(patience); !ready)
    return ready.error();
  services_->record(
    {.kind = event_kind::upgrade, .text = fmt::format("version {} gives way to the program on disk", DUENDE_VERSION)});
  {
    std::lock_guard lock{mutex_};
    leaving_ = true;
  }
  ended({});
  return caf::unit;
}

void node_host::tell(std::string text) { services_->record({.kind = event_kind::node, .text = std::move(text)}); }

void node_host::healthy() {
  if (auto keeper = link())
    keeper->healthy();
  store_->migrate(); // not before: a program that does not come this far leaves everything to the one before it
}

bool node_host::leaving() const {
  std::lock_guard lock{mutex_};
  return leaving_;
}

void node_host::leave() {
  if (crashes_)
    crashes_->flush(2s);
  store_->flush(2s);
  if (exporter_)
    exporter_->finish(500ms); // requests to the API wait meanwhile
}

void node_host::begin_stop() {
  if (!options_.state_dir.empty()) { // should this node die on the way, the next one goes on with it
    int mark = ::open((options_.state_dir + "/stopping").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (mark >= 0)
      ::close(mark);
  }
  caf::anon_send(node_, shutdown_atom::value);
}

} // namespace duende
