// Keys whose values are more than one member of a spec.
#pragma once

#include "core/config/fields.hpp"

namespace duende::config {

void set_metrics(context& c, const rule& r, const value& v);
nlohmann::json get_metrics(const rule& r, const void* object);
void set_api(context& c, const rule& r, const value& v);
void set_sample_interval(context& c, const rule& r, const value& v);
nlohmann::json get_api(const rule& r, const void* object);
/// What only shows when all of [node] is read: an API off loopback without TLS and tokens, half a certificate.
void check_listener_safety(context& c, const value& table);
void set_tokens(context& c, const rule& r, const value& v);
nlohmann::json get_tokens(const rule& r, const void* object);
void set_token_hash(context& c, const rule& r, const value& v);
void set_token_access(context& c, const rule& r, const value& v);
nlohmann::json get_token_access(const rule& r, const void* object);
void set_include(context& c, const rule& r, const value& v);

void set_supervisor_name(context& c, const rule& r, const value& v);
template <class Spec>
void set_supervisor_reference(context& c, const rule& r, const value& v) {
  if constexpr (std::is_same_v<Spec, supervisor_spec>)
    assign(c, r, v, c.as<Spec>().parent);
  else
    assign(c, r, v, c.as<Spec>().supervisor);
  c.notes.supervisor = v.at;
}

void set_daemon_name(context& c, const rule& r, const value& v);
void set_backend(context& c, const rule& r, const value& v);
void set_program(context& c, const rule& r, const value& v);
void set_args(context& c, const rule& r, const value& v);
void set_command(context& c, const rule& r, const value& v);
void set_env(context& c, const rule& r, const value& v);
void set_env_file(context& c, const rule& r, const value& v);
void set_inherit_env(context& c, const rule& r, const value& v);
nlohmann::json get_inherit_env(const rule& r, const void* object);
void set_depends_on(context& c, const rule& r, const value& v);
nlohmann::json get_depends_on(const rule& r, const void* object);
void set_instances(context& c, const rule& r, const value& v);
void set_sockets(context& c, const rule& r, const value& v);
nlohmann::json get_sockets(const rule& r, const void* object);
void set_stop_signal(context& c, const rule& r, const value& v);
nlohmann::json get_stop_signal(const rule& r, const void* object);
/// The words of a program_call, the first one checked as a program; faults are reported.
std::vector<std::string> program_words(context& c, const rule& r, const value& v);
void set_ready_command(context& c, const rule& r, const value& v);

} // namespace duende::config
