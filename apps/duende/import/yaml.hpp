// YAML as a tree with lines, read by libyaml. Aliases may make it a graph, even one with cycles: nothing here recurses, and who
// walks it goes a fixed depth.
#pragma once

#include "apps/duende/import/draft.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace duende::porting {

class yaml_file;

class yaml_node {
public:
  enum class kind { nothing, scalar, list, map };

  yaml_node() = default;
  kind type() const;
  bool is(kind which) const { return type() == which; }
  explicit operator bool() const { return type() != kind::nothing; }
  std::size_t line() const; ///< from 1; 0 for what is not there
  /// Of a scalar, else empty. Plain null, ~ and nothing count as kind::nothing.
  std::string text() const;
  std::vector<yaml_node> items() const;
  /// In order, keys that are scalars only; what "<<" merges comes last and never replaces.
  std::vector<std::pair<std::string, yaml_node>> members() const;
  yaml_node operator[](std::string_view key) const;

private:
  friend class yaml_file;
  yaml_node(const yaml_file* file, int index) : file_(file), index_(index) {}
  const yaml_file* file_ = nullptr;
  int index_ = 0;
};

class yaml_file {
public:
  /// Reports what is wrong; root() is nothing then.
  yaml_file(std::string_view text, faults& problems);
  ~yaml_file();
  yaml_file(const yaml_file&) = delete;
  yaml_file& operator=(const yaml_file&) = delete;
  yaml_node root() const;

private:
  friend class yaml_node;
  struct parsed;
  std::unique_ptr<parsed> parsed_;
};

} // namespace duende::porting
