// The actor behind exporter: batches go out, one request of each signal at a time.
//
//            something waits          a second later         resolved
//   idle ─────────────────▶ gathering ───────────▶ resolving ─────────▶ sending
//    ▲                          ▲                      ▲                   │
//    │ nothing waits            │ taken                │ later             │ not taken
//    └──────────────────────────┴───────────────────── waiting ◀───────────┘
#include "actors/exporter_actor.hpp"

#include "core/errc.hpp"
#include "monitors/probes/background.hpp"

#include <caf/send.hpp>
#include <fmt/ranges.h>

#include <malloc.h>

namespace duende {
namespace {

using namespace std::chrono_literals;
using exporter_ptr = caf::stateful_actor<exporter_state>*;
using lane = exporter_state::lane;
using phase = lane::phase;

/// What comes within this goes together.
constexpr duration gather_time = 1s;

void send_next(exporter_ptr self, otlp_signal which);

template <class Message>
std::function<void(Message)> teller(exporter_ptr self) {
  return [to = self->address()](Message message) {
    if (auto target = caf::actor_cast<caf::actor>(to))
      caf::anon_send(target, std::move(message));
  };
}

/// Whatever was to come for this lane is stale from now on, but what comes after `delay`.
void arm(exporter_ptr self, otlp_signal which, phase next, duration delay) {
  auto& state = self->state;
  auto& own = state.of(which);
  own.now = next;
  state.with->how.after(
    delay, [tell = teller<export_due>(self), due = export_due{which, ++own.generation}] { tell(due); });
}

/// Lets who waits for the end go where nothing more will happen.
void report_idle(exporter_state& state) {
  if (!state.ending)
    return;
  for (const auto& each : state.lanes)
    if (each.now != phase::idle)
      return;
  std::lock_guard lock{state.with->mutex};
  state.with->idle = true;
  state.with->changed.notify_all();
}

/// Once for each kind of trouble: how long a connection took to fail is another every time.
void complain(exporter_state& state, otlp_signal which, std::string kind, const std::string& why) {
  auto& own = state.of(which);
  if (own.complaint == kind)
    return;
  own.complaint = std::move(kind);
  state.with->how.tell(fmt::format("{}/v1/{}: {}", state.with->how.spec.endpoint, to_string(which), why));
}

void finished(exporter_ptr self, otlp_signal which, otlp_answer answer) {
  auto& state = self->state;
  auto& own = state.of(which);
  auto& queue = state.with->queue;
  own.call.reset();
  own.lookup.reset();
  auto batch = std::move(*own.batch);
  own.batch.reset();
  if (answer.what == otlp_answer::kind::again) {
    queue.give_back(which, std::move(batch));
    ++own.attempts;
    complain(
      state, which, answer.why.starts_with("status") ? answer.why : "no answer",
      fmt::format("{}; it is tried again", answer.why));
    if (!state.ending)
      return arm(self, which, phase::waiting, answer.wait);
    own.now = phase::idle;
    return report_idle(state);
  }
  own.attempts = 0;
  if (answer.what == otlp_answer::kind::refused) {
    queue.refused(which, batch);
    complain(state, which, answer.why, fmt::format("{}; what it does not take is dropped", answer.why));
  } else {
    queue.sent(which, batch, answer.rejected);
    if (!answer.why.empty())
      complain(state, which, "partial success", answer.why);
    else if (!std::exchange(own.complaint, {}).empty())
      state.with->how.tell(fmt::format("{}/v1/{}: taken again", state.with->how.spec.endpoint, to_string(which)));
  }
  if (state.ending || queue.full(which))
    return send_next(self, which);
  arm(self, which, phase::gathering, gather_time);
}

void failed(exporter_ptr self, otlp_signal which, std::string why) {
  auto& own = self->state.of(which);
  finished(self, which, judge({0, std::move(why), {}, {}}, own.attempts, 0, wall_now()));
}

void post(exporter_ptr self, otlp_signal which, std::string pinned) {
  auto& state = self->state;
  auto& own = state.of(which);
  const auto& spec = state.with->how.spec;
  own.now = phase::sending;
  http_request request;
  request.url = fmt::format("{}/v1/{}", spec.endpoint, to_string(which));
  request.pinned = std::move(pinned);
  request.timeout = spec.timeout;
  request.post = own.envelope.before + own.batch->fragments + own.envelope.after;
  request.headers = std::move(own.headers);
  auto answer = [tell = teller<export_reply>(self), which, generation = own.generation](http_reply got) {
    tell(
      {which,
       generation,
       {got.status, std::move(got.error), std::move(got.headers), std::move(got.body)},
       got.unsupported});
  };
  own.call = http_get(std::move(request), std::make_shared<one_shot<http_reply>>(std::move(answer)));
}

void look_up(exporter_ptr self, otlp_signal which) {
  auto& state = self->state;
  auto& own = state.of(which);
  auto answer = [tell = teller<export_address>(self), which, generation = own.generation, host = state.to->host,
                 port = state.to->port](resolved found) {
    std::vector<std::string> addresses;
    for (const auto& address : found.addresses)
      addresses.push_back(host_text(address));
    tell({which, generation, fmt::format("{}:{}:{}", host, port, fmt::join(addresses, ",")), std::move(found.error)});
  };
  own.lookup = std::make_shared<one_shot<resolved>>(std::move(answer));
  resolve(state.to->host, state.to->port, own.lookup);
}

void send_next(exporter_ptr self, otlp_signal which) {
  auto& state = self->state;
  auto& own = state.of(which);
  const auto& spec = state.with->how.spec;
  own.batch = state.with->queue.take(which);
  if (!own.batch) {
    ++own.generation;
    own.now = phase::idle;
    return report_idle(state);
  }
  arm(self, which, phase::resolving, spec.timeout + 2s); // libcurl has a limit of its own, a little before
  auto headers = read_header_lines(spec.headers_file);
  if (!headers)
    return failed(self, which, sentence(headers.error()));
  own.headers = std::move(*headers);
  own.headers.insert(own.headers.end(), {"Content-Type: application/json", "Expect:"});
  if (numeric_address(state.to->host, state.to->port))
    return post(self, which, {});
  look_up(self, which);
}

void due(exporter_ptr self, const export_due& what) {
  auto& own = self->state.of(what.what);
  if (what.generation != own.generation)
    return;
  switch (own.now) {
    case phase::gathering:
    case phase::waiting: return send_next(self, what.what);
    case phase::resolving: own.lookup->cancel(); [[fallthrough]];
    case phase::sending: return failed(self, what.what, "no answer in time");
    case phase::idle: return;
  }
}

void heard(exporter_ptr self, const export_news& what) {
  auto& own = self->state.of(what.what);
  if (own.now == phase::idle)
    arm(self, what.what, phase::gathering, what.at_once || self->state.ending ? 0s : gather_time);
  else if (own.now == phase::gathering && what.at_once)
    send_next(self, what.what);
}

void replied(exporter_ptr self, export_reply& what) {
  auto& own = self->state.of(what.what);
  if (what.generation != own.generation || own.now != phase::sending)
    return;
  constexpr double steps = 1 << 20;
  const double jitter = static_cast<double>(self->state.random() % static_cast<unsigned>(steps)) / steps;
  finished(self, what.what, judge(what.reply, own.attempts, jitter, wall_now()));
}

void resolved_to(exporter_ptr self, export_address& what) {
  auto& own = self->state.of(what.what);
  if (what.generation != own.generation || own.now != phase::resolving)
    return;
  if (!what.error.empty())
    return failed(self, what.what, what.error);
  post(self, what.what, std::move(what.pinned));
}

/// On a thread of its own.
void collect(exporter::shared& with) {
  {
    const auto input = with.how.collect();
    const auto now = unix_nanos_now();
    for_each_family(input, [&](const prometheus::MetricFamily& each) {
      encode(each, with.how.begun, now, [&](const std::string& fragment, std::uint64_t points) {
        with.add(otlp_signal::metrics, fragment, points);
      });
    });
  }
  malloc_trim(0); // a rare and large user of memory
  std::lock_guard lock{with.mutex};
  with.collecting = false;
  with.changed.notify_all();
}

void arm_collection(exporter_ptr self) {
  const auto& how = self->state.with->how;
  how.after(how.spec.interval, [tell = teller<collect_tick>(self)] { tell({}); });
}

void begin_collection(exporter_ptr self) {
  auto with = self->state.with;
  {
    std::lock_guard lock{with->mutex};
    if (!with->collects)
      return;
    if (std::exchange(with->collecting, true)) // the last one still goes on
      return arm_collection(self);
  }
  if (!run_in_background("otlp", [with] { collect(*with); })) {
    std::lock_guard lock{with->mutex};
    with->collecting = false;
    with->changed.notify_all();
  }
  arm_collection(self);
}

void send_all(exporter_ptr self) {
  auto& state = self->state;
  state.ending = true;
  for (std::size_t i = 0; i < otlp_signal_count; ++i) {
    const auto now = state.lanes[i].now;
    if (now == phase::gathering || now == phase::idle)
      send_next(self, static_cast<otlp_signal>(i));
    else if (now == phase::waiting)
      state.lanes[i].now = phase::idle; // it took nothing a moment ago
  }
  report_idle(state);
}

} // namespace

exporter_state::~exporter_state() {
  for (auto& each : lanes)
    if (each.lookup)
      each.lookup->cancel();
}

caf::behavior otlp_exporter(exporter_ptr self, const std::shared_ptr<exporter::shared>& with) {
  auto& state = self->state;
  state.with = with;
  for (std::size_t i = 0; i < otlp_signal_count; ++i)
    state.lanes[i].envelope = envelope_of(static_cast<otlp_signal>(i), with->how.from);
  state.random.seed(static_cast<unsigned>(unix_nanos_now()));
  auto parts = parse_url(with->how.spec.endpoint);
  if (!parts) {
    with->how.tell(sentence(parts.error()));
    return {[](const export_news&) {}};
  }
  state.to = std::move(*parts);
  return {
    [=](const export_news& what) { heard(self, what); },
    [=](const export_due& what) { due(self, what); },
    [=](export_address& what) { resolved_to(self, what); },
    [=](export_reply& what) { replied(self, what); },
    [=](export_all) { send_all(self); },
    [=](collect_tick) { begin_collection(self); }};
}

} // namespace duende
