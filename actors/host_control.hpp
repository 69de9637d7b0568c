// The control of a node_host: requests to its actors, from any thread, bounded.
#pragma once

#include "actors/node_host.hpp"

namespace duende {

class node_host::host_control : public control {
public:
  explicit host_control(node_host& host) : host_(host) {}

  node_info info() override;
  caf::expected<std::vector<daemon_status>> daemons() override;
  caf::expected<daemon_status> daemon(const std::string& name) override;
  caf::expected<std::vector<supervisor_status>> supervisors() override;
  caf::expected<daemon_status> act(verb what, const std::string& name, duration timeout, bool wait) override;
  caf::expected<void> signal(const std::string& name, int number) override;
  caf::expected<daemon_status> add(daemon_spec spec) override;
  caf::expected<void> remove(const std::string& name, duration timeout) override;
  caf::expected<apply_plan> apply(stack wanted, bool dry_run) override;
  caf::expected<std::vector<event>> events(const event_query& query) override;
  std::shared_ptr<void>
  follow_events(std::int64_t after_id, std::function<bool(const std::vector<event>&)> on_events) override;
  caf::expected<std::shared_ptr<const daemon_spec>> spec(const std::string& name) override;
  caf::expected<log_location> logs(const std::string& name) override;
  caf::expected<sample_history> samples(const std::string& name, const history_query& query) override;
  caf::expected<std::unique_ptr<trace_run>> trace(const std::string& name, const trace_options& how) override;
  std::string crash_dir() override;
  bool all_ready() override;
  std::string metrics() override;
  /// What metrics() is made of.
  metrics_input figures();
  void shutdown() override;
  caf::expected<std::vector<std::string>> roll(const std::string& name, duration timeout) override;
  caf::expected<daemon_status> limit(const std::string& name, const std::string& resources) override;
  caf::expected<apply_plan> scale(const std::string& name, std::uint32_t instances) override;
  caf::expected<void> upgrade() override;

private:
  caf::expected<tree_snapshot> snapshot();
  template <class Result, class... Ts>
  caf::expected<Result> ask(duration timeout, Ts&&... message);

  node_host& host_;
  std::atomic<bool> stopping_ = false;
};

} // namespace duende
