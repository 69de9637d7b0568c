// Rows of [node] and [[supervisor]].
#include "core/config/fields.hpp"
#include "core/config/special.hpp"

#include <array>

namespace duende::config {
namespace {

constexpr auto strategy_names = std::to_array<std::string_view>({"one_for_one", "one_for_all", "rest_for_one"});

constexpr auto accesses = std::to_array<std::string_view>({"read", "full"});

const auto top_and_node = std::to_array<rule>({
  section("", "node", shape::section, "The node itself; only in the file that is loaded, not in included ones."),
  section("", "supervisor", shape::sections, "A supervisor; the root exists without being written."),
  section("", "daemon", shape::sections, "A daemon."),

  row<node_spec, &node_spec::name>("node", "name", shape::name, "One node per name and user."),
  row<node_spec, &node_spec::state_dir>(
    "node", "state_dir", shape::path,
    "Folder for state and logs. Default: /var/lib/duende for root, else $XDG_STATE_HOME/duende."),
  {"node", "metrics", shape::listener, "HOST:PORT that serves /metrics, or \"off\".", set_metrics, get_metrics},
  {"node", "api", shape::listener,
   "HOST:PORT that serves the API and the web page beside the unix socket, or \"off\". Off loopback only with 'tls' "
   "and a "
   "'token'.",
   set_api, get_api},
  section("node", "tls", shape::section, "The API's certificate; read again on SIGHUP."),
  row<node_spec, &node_spec::tls, &tls_spec::certificate>(
    "node.tls", "certificate", shape::path, "PEM file: the node's certificate first, then those above it."),
  row<node_spec, &node_spec::tls, &tls_spec::key>(
    "node.tls", "key", shape::path, "PEM file of its private key, without a passphrase."),
  row<node_spec, &node_spec::tls, &tls_spec::client_ca>(
    "node.tls", "client_ca", shape::path,
    "PEM file: clients must show a certificate that one of these signed, beside their token."),
  {"node", "token", shape::sections, "Who may use 'api': each request needs one of these tokens.", set_tokens,
   get_tokens},
  row<token_spec, &token_spec::name>("node.token", "name", shape::name, "Whose it is; unique."),
  {"node.token", "hash", shape::text, "\"sha256:\" and the SHA-256 of the token in hexadecimal; see 'duende token'.",
   set_token_hash, get_field<token_spec, &token_spec::hash>},
  one_of(
    {"node.token", "access", shape::choice, "read: every request but GET and HEAD is answered 403.", set_token_access,
     get_token_access},
    accesses),
  within(
    {"node", "sample_interval", shape::duration,
     "How often what every process uses is read: CPU, memory, I/O, descriptors, threads. At least 10ms; \"0s\": only "
     "while somebody asks.",
     set_sample_interval, get_field<node_spec, &node_spec::sample_interval>},
    0, 3600),
  within(
    row<node_spec, &node_spec::sample_history>(
      "node", "sample_history", shape::duration, "So much of that is held in memory, for each process."),
    1, 86400),
  {"node", "include", shape::texts, "More files, as globs relative to this one; read in sorted order, each once.",
   set_include, nullptr},
});

const auto supervisors = std::to_array<rule>({
  {"supervisor", "name", shape::name, "Unique among supervisors; \"root\" is taken.", set_supervisor_name,
   get_field<supervisor_spec, &supervisor_spec::name>},
  {"supervisor", "parent", shape::name, "The supervisor above.", set_supervisor_reference<supervisor_spec>,
   get_field<supervisor_spec, &supervisor_spec::parent>},
  one_of(
    row<supervisor_spec, &supervisor_spec::strategy>(
      "supervisor", "strategy", shape::choice,
      "Who else restarts when one child does. one_for_all and rest_for_one start their children in order, each when "
      "its "
      "predecessor is ready."),
    strategy_names),
  section(
    "supervisor", "intensity", shape::section,
    "How many restarts of all children together are too many; then the supervisor gives up."),
  within(
    row<supervisor_spec, &supervisor_spec::intensity, &intensity_limit::restarts>(
      "supervisor.intensity", "restarts", shape::integer, "So many within the window are still carried out."),
    0, 1e6),
  within(
    row<supervisor_spec, &supervisor_spec::intensity, &intensity_limit::window>(
      "supervisor.intensity", "window", shape::duration, "The sliding window."),
    1e-3, 366 * 86400.0),
});

} // namespace

std::span<const rule> node_rules() { return top_and_node; }
std::span<const rule> supervisor_rules() { return supervisors; }

} // namespace duende::config
