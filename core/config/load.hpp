// The configuration's way in and out: TOML or JSON to a checked stack, and back to JSON. Pure functions of text and files; any thread.
#pragma once

#include "core/otlp_spec.hpp"
#include "core/spec.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace duende {

enum class config_format : std::uint8_t { toml, json };

/// Bounds of what is read. Past them a file is an error, not a slow node.
inline constexpr std::size_t max_config_bytes = 4u << 20; ///< per file
inline constexpr std::size_t max_config_daemons = 100'000;
inline constexpr std::size_t max_config_supervisors = 10'000;
inline constexpr std::size_t max_config_files = 10'000;
inline constexpr std::size_t max_config_errors = 1'000; ///< the rest is counted, not kept
inline constexpr std::size_t max_config_depth = 32;     ///< tables and arrays within each other

struct config_error {
  std::string file;
  std::uint32_t line = 0; ///< from 1; 0: the file as a whole
  std::uint32_t column = 0;
  std::string message;

  bool operator==(const config_error&) const = default;
};

/// "FILE:LINE:COL: message", or "FILE: message" where there is no line.
std::string to_string(const config_error& error);

struct load_result {
  stack value;                      ///< of use only where ok()
  otlp_spec otlp;                   ///< of its node
  std::vector<config_error> errors; ///< in the order of the files, then of the lines
  std::vector<std::string> files;   ///< every file that was read: the first one, includes, env_files

  bool ok() const { return errors.empty(); }
};

/// Reads a stack: JSON where the name ends in ".json", else TOML. Includes are resolved against the folder of `path`, and so
/// are relative paths; the result holds absolute ones. Reads regular files only, so it never waits. Throws nothing.
load_result load_file(const std::string& path);

/// The same for text at hand. `file_name` is what errors show; `base_dir` (absolute) stands for the folder of the file.
load_result
load_text(std::string_view text, config_format format, std::string_view file_name, const std::string& base_dir);

/// One `[[daemon]]` as JSON, alone: value.daemons has one. That its supervisor and dependencies exist is not checked.
load_result load_daemon_json(std::string_view json, const std::string& base_dir);

/// The keys whose values differ from their defaults. load_daemon_json reads it back equal.
nlohmann::json to_json(const daemon_spec& spec);
nlohmann::json to_json(const supervisor_spec& spec);
nlohmann::json to_json(const node_spec& spec);
/// Compact; load_text reads it back equal. Bytes that are no UTF-8 are replaced by U+FFFD: the loader makes none.
std::string stack_to_json(const stack& value, const otlp_spec& otlp = {});

/// JSON Schema (draft 2020-12) of a file, generated from the same table of keys that the loader reads by.
std::string schema_json();

} // namespace duende
