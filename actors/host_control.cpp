#include "actors/host_control.hpp"

#include "actors/exporter.hpp"
#include "actors/observer.hpp"
#include "actors/supervisor.hpp"
#include "actors/trace_scope.hpp"
#include "actors/tracer.hpp"
#include "core/config/load.hpp"
#include "core/units.hpp"
#include "monitors/metrics/exposition.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <malloc.h>
#include <unistd.h>

namespace duende {
namespace {

constexpr duration default_bound = 10s;

/// CAF's own errors as ours.
caf::error as_ours(const caf::error& error, duration timeout) {
  if (error.category() == caf::atom("duende") && code_of(error) != errc::internal)
    return error;
  if (error == caf::sec::request_timeout)
    return fail(errc::timed_out, "no outcome within {}, it goes on in the background", format_duration(timeout));
  if (error == caf::sec::request_receiver_down)
    return make_error(errc::wrong_state, "the node is ending");
  return fail(errc::internal, "{}", sentence(error));
}

/// The specification with some keys of [daemon.resources] replaced, checked like a file.
caf::expected<daemon_spec> with_resources(const daemon_spec& present, const std::string& resources) {
  auto changes = nlohmann::json::parse(resources, nullptr, false);
  if (!changes.is_object())
    return make_error(errc::invalid_config, R"(expected an object with keys of [daemon.resources])");
  auto text = to_json(present);
  text["resources"].update(changes);
  auto loaded = load_daemon_json(text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), "/");
  if (!loaded.ok()) {
    std::string problems;
    for (auto& each : loaded.errors)
      problems += (problems.empty() ? "" : "\n") + each.message;
    return make_error(errc::invalid_config, problems);
  }
  stack before, after;
  before.daemons.push_back(present);
  after.daemons.push_back(loaded.value.daemons.front());
  for (auto& step : make_plan(before, after).steps)
    if (step.restarts)
      return fail(
        errc::wrong_state, "{} takes effect with the next start: change it by apply", fmt::join(step.keys, ", "));
  return loaded.value.daemons.front();
}

} // namespace

template <class Result, class... Ts>
caf::expected<Result> node_host::host_control::ask(duration timeout, Ts&&... message) {
  caf::expected<Result> answer = make_error(errc::internal, "no answer");
  caf::scoped_actor self{*host_.system_};
  self->request(host_.node_, timeout, std::forward<Ts>(message)...)
    .receive(
      [&](Result& result) { answer = std::move(result); },
      [&](const caf::error& error) { answer = as_ours(error, timeout); });
  return answer;
}

node_info node_host::host_control::info() {
  node_info info;
  info.name = host_.options_.name;
  info.version = DUENDE_VERSION;
  info.started_at = host_.started_at_;
  auto link = host_.link();
  info.generation = link ? link->generation() : 1;
  info.pid = getpid();
  info.keeper_pid = link ? link->keeper_pid() : 0;
  info.state_dir = host_.options_.state_dir;
  info.metrics = host_.options_.metrics;
  info.stopping = stopping_;
  return info;
}

caf::expected<tree_snapshot> node_host::host_control::snapshot() {
  return ask<tree_snapshot>(default_bound, snapshot_atom::value);
}

caf::expected<std::vector<daemon_status>> node_host::host_control::daemons() {
  auto all = snapshot();
  if (!all)
    return all.error();
  return std::move(all->daemons);
}

caf::expected<daemon_status> node_host::host_control::daemon(const std::string& name) {
  return ask<daemon_status>(default_bound, find_atom::value, name);
}

caf::expected<std::vector<supervisor_status>> node_host::host_control::supervisors() {
  auto all = snapshot();
  if (!all)
    return all.error();
  return std::move(all->supervisors);
}

caf::expected<daemon_status>
node_host::host_control::act(verb what, const std::string& name, duration timeout, bool wait) {
  return ask<daemon_status>(timeout > 0ns ? timeout : default_bound, command{what, name, wait, false, current_trace()});
}

caf::expected<void> node_host::host_control::signal(const std::string& name, int number) {
  auto answer = ask<daemon_status>(default_bound, signal_atom::value, name, number);
  if (!answer)
    return answer.error();
  return caf::unit;
}

caf::expected<daemon_status> node_host::host_control::add(daemon_spec spec) {
  auto order = std::make_shared<child_order>();
  order->trace = current_trace();
  order->seed.name = spec.name;
  order->seed.id = uuid::random();
  order->seed.desired = spec.autostart ? desired_state::up : desired_state::down;
  auto supervisor = spec.supervisor;
  order->seed.spec = std::make_shared<const daemon_spec>(std::move(spec));
  return ask<daemon_status>(default_bound, add_atom::value, supervisor, std::move(order));
}

caf::expected<void> node_host::host_control::remove(const std::string& name, duration timeout) {
  auto answer = ask<daemon_status>(timeout > 0ns ? timeout : default_bound, remove_atom::value, name);
  if (!answer)
    return answer.error();
  return caf::unit;
}

caf::expected<apply_plan> node_host::host_control::apply(stack wanted, bool dry_run) {
  auto order = std::make_shared<apply_order>(apply_order{std::move(wanted), dry_run, current_trace()});
  return ask<apply_plan>(10min, std::move(order));
}

caf::expected<std::vector<event>> node_host::host_control::events(const event_query& query) {
  return host_.store_->events(query);
}

std::shared_ptr<void> node_host::host_control::follow_events(
  std::int64_t after_id, std::function<bool(const std::vector<event>&)> on_events) {
  return host_.store_->follow(after_id, std::move(on_events));
}

caf::expected<log_location> node_host::host_control::logs(const std::string& name) {
  auto found = ask<daemon_spec_ptr>(default_bound, spec_atom::value, name);
  if (!found)
    return found.error();
  auto& logs = (*found)->logs;
  return log_location{log_dir_of(*host_.services_, name, logs.dir), logs.timestamps, logs.merge_stderr};
}

caf::expected<std::shared_ptr<const daemon_spec>> node_host::host_control::spec(const std::string& name) {
  auto found = ask<daemon_spec_ptr>(default_bound, spec_atom::value, name);
  if (!found)
    return found.error();
  return std::shared_ptr<const daemon_spec>{*found};
}

caf::expected<sample_history> node_host::host_control::samples(const std::string& name, const history_query& query) {
  auto found = daemon(name);
  if (!found)
    return found.error();
  if (found->backend != backend_name(child_kind::process))
    return fail(errc::wrong_state, "'{}' has no process of its own to look at: it is a part of the node", name);
  return host_.observer_->history(found->id, found->pid, query);
}

caf::expected<std::unique_ptr<trace_run>>
node_host::host_control::trace(const std::string& name, const trace_options& how) {
  auto found = daemon(name);
  if (!found)
    return found.error();
  if (found->backend != backend_name(child_kind::process))
    return fail(errc::wrong_state, "'{}' has no process of its own to trace: it is a part of the node", name);
  if (found->pid <= 0)
    return fail(errc::wrong_state, "cannot trace '{}': it is {}", name, to_string(found->state));
  return host_.tracer_->begin(found->id, name, found->pid, how);
}

std::string node_host::host_control::crash_dir() {
  auto& dir = host_.options_.state_dir;
  return dir.empty() ? dir : dir + "/crashes";
}

bool node_host::host_control::all_ready() {
  auto all = daemons();
  if (!all)
    return false;
  for (auto& each : *all)
    if (each.scheduled)
      continue; // it runs when its time comes
    else if (each.desired == desired_state::up ? !each.ready : each.state == daemon_state::failed)
      return false;
  return true;
}

metrics_input node_host::host_control::figures() {
  metrics_input input;
  input.node = host_.options_.name;
  input.version = DUENDE_VERSION;
  if (auto all = snapshot()) {
    for (auto& each : all->daemons) {
      daemon_metrics one;
      if (each.pid > 0)
        one.usage = read_usage(each.pid);
      if (each.backend == backend_name(child_kind::process)) {
        auto totals = host_.logs_->totals(each.id);
        one.out = totals.out;
        one.err = totals.err;
      }
      one.status = std::move(each);
      input.daemons.push_back(std::move(one));
    }
    input.supervisors = std::move(all->supervisors);
    input.mailbox_max = all->mailbox_max;
  }
  const auto anomalies = host_.tracer_->found();
  for (std::size_t i = 0; i < anomalies.size(); ++i)
    input.trace_anomalies.emplace_back(to_string(static_cast<anomaly_kind>(i)), anomalies[i]);
  input.actors = host_.system_->registry().running();
  if (host_.exporter_)
    input.otlp = host_.exporter_->totals();
  return input;
}

std::string node_host::host_control::metrics() {
  auto text = render_metrics(figures());
  malloc_trim(0); // a scrape is a rare and large user of memory
  return text;
}

caf::expected<std::vector<std::string>> node_host::host_control::roll(const std::string& name, duration timeout) {
  return ask<std::vector<std::string>>(timeout > 0ns ? timeout : 10min, roll_atom::value, name);
}

caf::expected<apply_plan> node_host::host_control::scale(const std::string& name, std::uint32_t instances) {
  return ask<apply_plan>(10min, scale_atom::value, name, instances);
}

caf::expected<daemon_status> node_host::host_control::limit(const std::string& name, const std::string& resources) {
  auto present = ask<daemon_spec_ptr>(default_bound, spec_atom::value, name);
  if (!present)
    return present.error();
  auto wanted = with_resources(**present, resources);
  if (!wanted)
    return wanted.error();
  auto order = std::make_shared<change_order>();
  order->spec = std::make_shared<const daemon_spec>(std::move(*wanted));
  order->keep = true;
  return ask<daemon_status>(default_bound, change_atom::value, name, change_order_ptr{std::move(order)});
}

caf::expected<void> node_host::host_control::upgrade() {
  if (stopping_)
    return make_error(errc::wrong_state, "the node stops");
  return host_.begin_upgrade();
}

void node_host::host_control::shutdown() {
  stopping_ = true;
  host_.begin_stop();
}

} // namespace duende
