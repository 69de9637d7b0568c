// One pass over a file and its includes.
#pragma once

#include "core/config/context.hpp"
#include "core/config/graph.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace duende::config {

class loader {
public:
  loader();

  void read_main_file(const std::string& path);
  void read_main_text(std::string_view text, config_format format, std::string_view name, const std::string& dir);
  /// A lone daemon as JSON.
  void read_daemon_text(std::string_view json, const std::string& dir);

  load_result finish(bool check_names);

private:
  struct document {
    std::size_t file; ///< index into files
    const std::string& name;
    const std::string& dir;
    bool included;
  };

  void read_text(std::string_view text, config_format format, const document& doc);
  void read_root(const value& root, const document& doc);
  void read_node(const value& table, const document& doc);
  void read_supervisor(const value& table, const document& doc);
  void read_daemon(const value& table, const document& doc);
  void finish_daemon(context& c, const value& table, daemon_spec& spec);
  void finish_life(context& c, const value& table, daemon_spec& spec);
  void finish_policies(const value& table, daemon_spec& spec);
  void finish_health(context& c, const value& table, daemon_spec& spec);
  void finish_security(context& c, const value& table, daemon_spec& spec);
  void merge_env_files(context& c, daemon_spec& spec);
  void read_includes(const table_notes& notes, const document& doc);
  void read_included(const text_at& pattern, const std::string& path, const document& doc);
  std::size_t remember_file(const std::string& name);
  void multiply_last();
  void expand_dependencies();
  void check_duplicates();
  void check_sockets();
  void check_references();
  void sort_errors();

  load_result result_;
  error_list errors_;
  std::vector<table_notes> daemons_, supervisors_; // beside result_.value's
  std::set<std::string> identities_;               // of files read
  std::map<std::string, std::shared_ptr<const std::map<std::string, std::string>>> env_files_;
  bool names_missing_ = false; // something was unreadable: an unknown name may have been there
};

} // namespace duende::config
