// What reading a file needs at hand: where it is, what it fills, and where faults go.
#pragma once

#include "core/config/load.hpp"
#include "core/config/value.hpp"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace duende::config {

/// Faults of all files, bounded.
class error_list {
public:
  void add(std::string_view file, place at, std::string message) {
    if (kept.size() < max_config_errors)
      kept.push_back({std::string{file}, at.line, at.column, std::move(message)});
    else
      ++dropped;
  }
  bool full() const { return kept.size() >= max_config_errors; }

  std::vector<config_error> kept;
  std::size_t dropped = 0;
};

struct text_at {
  std::string text;
  place at;
};

/// What of one table is not in its spec: places for later checks, and values that go together.
struct table_notes {
  std::size_t file = 0; ///< index into load_result::files
  place table, name, supervisor;
  std::vector<place> dependencies; ///< as daemon_spec::depends_on
  std::vector<place> sockets;      ///< as daemon_spec::sockets
  std::uint32_t instances = 1;
  place instances_at;
  std::vector<text_at> includes;
  std::vector<text_at> env_files;
  std::map<std::string, place> env;
  bool has_command = false, has_program = false, has_args = false;
  place command, args, ready;
  std::string health_type;
};

struct context {
  error_list& errors;
  const std::string& file; ///< name as shown
  const std::string& dir;  ///< folder that relative paths start from
  void* object = nullptr;  ///< node_spec, supervisor_spec, daemon_spec or what one of these holds
  table_notes& notes;
  std::string path;          ///< of the section within the object, with its final dot: "restart."
  otlp_spec* otlp = nullptr; ///< of the node

  template <class... Ts>
  void error(place at, fmt::format_string<Ts...> text, Ts&&... args) {
    errors.add(file, at, errors.full() ? std::string{} : fmt::format(text, std::forward<Ts>(args)...));
  }
  template <class T>
  T& as() {
    return *static_cast<T*>(object);
  }
};

} // namespace duende::config
