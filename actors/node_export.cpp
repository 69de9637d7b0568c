// What a node sends to a collector, and which trace its own start belongs to.
#include "actors/exporter.hpp"
#include "actors/host_control.hpp"

#include <unistd.h>

#include <climits>

namespace duende {
namespace {

std::string host_name() {
  char text[HOST_NAME_MAX + 1] = {};
  return gethostname(text, sizeof text - 1) == 0 ? text : "";
}

} // namespace

/// Of who started this program.
std::optional<trace_context> node_host::environment_trace() const {
  std::string_view parent, state;
  for (std::string_view each : options_.environment) {
    if (each.starts_with("TRACEPARENT="))
      parent = each.substr(each.find('=') + 1);
    else if (each.starts_with("TRACESTATE="))
      state = each.substr(each.find('=') + 1);
  }
  return parse_trace(parent, state);
}

/// Of the start of the node; none where it comes back, as then nothing of its stack starts because of that.
trace_ptr node_host::begin_trace(std::uint32_t generation) const {
  auto from = environment_trace();
  const bool exported = exporter_ && exporter_->exports_traces();
  if (generation > 1 || (!from && !exported))
    return nullptr;
  return std::make_shared<const trace_context>(!from ? new_trace() : exported ? child_of(*from) : *from);
}

void node_host::begin_export(log_capture::config& logging) {
  if (!options_.otlp.on())
    return;
  exporter::settings how;
  how.spec = options_.otlp;
  how.from = {options_.name, DUENDE_VERSION, host_name(), getpid()};
  how.begun = std::chrono::nanoseconds{started_at_.time_since_epoch()}.count();
  how.after = [io = io_.get()](duration delay, std::function<void()> fn) { io->after(delay, std::move(fn)); };
  how.tell = [store = store_.get(), node = options_.name](std::string text) {
    store->record({.at = wall_now(), .kind = event_kind::limit, .node = node, .text = std::move(text)});
  };
  how.collect = [this] { return control_->figures(); };
  exporter_ = std::make_unique<exporter>(*system_, std::move(how));
  if (exporter_->exports_logs())
    logging.on_line = [to = exporter_.get()](const std::string& name, log_stream stream, std::string_view line) {
      to->record(log_line{unix_nanos_now(), line, to_string(stream), name, {}});
    };
}

/// All that is collected is there.
void node_host::begin_collecting() {
  if (!exporter_)
    return;
  exporter_->start_collecting();
  if (services_->begun) {
    span start{.context = *services_->begun, .parent = {}, .name = "start node"};
    if (auto from = environment_trace())
      start.parent = from->span_id;
    start.begin = std::chrono::nanoseconds{started_at_.time_since_epoch()}.count();
    start.end = unix_nanos_now();
    start.attributes = {{"node", options_.name}};
    exporter_->record(start);
  }
}

} // namespace duende
