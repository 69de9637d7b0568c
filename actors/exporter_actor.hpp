// What exporter and its actor share. Private to exporter*.cpp.
#pragma once

#include "actors/exporter.hpp"
#include "core/messages.hpp"
#include "monitors/otlp/answer.hpp"
#include "monitors/probes/endpoint.hpp"
#include "monitors/probes/http_client.hpp"
#include "monitors/probes/resolve.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <array>
#include <condition_variable>
#include <mutex>
#include <random>

namespace duende {

struct exporter::shared {
  explicit shared(settings x) : how(std::move(x)), queue(how.spec.queue) {}

  const settings how;
  otlp_queue queue;
  std::mutex mutex;
  std::condition_variable changed;
  caf::actor actor;        ///< guarded by the mutex, as what follows
  bool collecting = false; ///< on a thread of its own
  bool collects = true;
  bool idle = true; ///< nothing is on its way
  bool over = false;

  /// Null once it has ended.
  caf::actor handle() {
    std::lock_guard lock{mutex};
    return actor;
  }
  void add(otlp_signal to, std::string_view fragment, std::uint64_t items);
};

/// Something of that signal waits.
struct export_news {
  otlp_signal what = otlp_signal::metrics;
  bool at_once = false;
};
/// It is time for the next request, or the one on its way takes too long.
struct export_due {
  otlp_signal what = otlp_signal::metrics;
  std::uint64_t generation = 0; ///< what an earlier timer says is stale
};
/// Of the request of that generation.
struct export_address {
  otlp_signal what = otlp_signal::metrics;
  std::uint64_t generation = 0;
  std::string pinned, error;
};
struct export_reply {
  otlp_signal what = otlp_signal::metrics;
  std::uint64_t generation = 0;
  otlp_reply reply;
  bool unsupported = false;
};
/// The node ends: what waits is sent now, and nothing twice.
struct export_all {};
struct collect_tick {};

struct exporter_state {
  static constexpr const char* name = "duende.exporter";

  /// One signal: at most one request at a time.
  struct lane {
    enum class phase : std::uint8_t { idle, gathering, resolving, sending, waiting };
    phase now = phase::idle;
    std::uint64_t generation = 0;
    std::uint32_t attempts = 0; ///< that failed, one after the other
    std::string complaint;      ///< the kind of trouble told last
    std::optional<otlp_batch> batch;
    std::vector<std::string> headers;
    std::shared_ptr<one_shot<resolved>> lookup;
    std::unique_ptr<http_call> call;
    otlp_envelope envelope;
  };

  std::shared_ptr<exporter::shared> with;
  std::array<lane, otlp_signal_count> lanes;
  std::optional<url_parts> to;
  bool ending = false;
  std::minstd_rand random;

  lane& of(otlp_signal which) { return lanes[static_cast<std::size_t>(which)]; }
  ~exporter_state();
};

caf::behavior otlp_exporter(caf::stateful_actor<exporter_state>* self, const std::shared_ptr<exporter::shared>& with);

} // namespace duende

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::export_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::export_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::export_address)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::export_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::export_all)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::collect_tick)
