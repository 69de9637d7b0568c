#include "apps/duende/import/yaml.hpp"

#include <yaml.h>

#include <algorithm>

namespace duende::porting {
namespace {

constexpr int max_merges = 64;

} // namespace

struct yaml_file::parsed {
  yaml_document_t document{};
  bool loaded = false;
  ~parsed() {
    if (loaded)
      yaml_document_delete(&document);
  }
  yaml_node_t* at(int index) { return loaded ? yaml_document_get_node(&document, index) : nullptr; }
};

yaml_file::yaml_file(std::string_view text, faults& problems) : parsed_(std::make_unique<parsed>()) {
  yaml_parser_t parser;
  if (yaml_parser_initialize(&parser) == 0) {
    problems.add(0, "not enough memory to read it");
    return;
  }
  yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  parsed_->loaded = yaml_parser_load(&parser, &parsed_->document) != 0;
  if (!parsed_->loaded)
    problems.add(
      parser.problem_mark.line + 1, "no YAML: {}{}{}", parser.problem != nullptr ? parser.problem : "it can't be read",
      parser.context != nullptr ? ", " : "", parser.context != nullptr ? parser.context : "");
  yaml_parser_delete(&parser);
}

yaml_file::~yaml_file() = default;

yaml_node yaml_file::root() const { return {this, 1}; }

yaml_node::kind yaml_node::type() const {
  auto* node = file_ == nullptr ? nullptr : file_->parsed_->at(index_);
  if (node == nullptr)
    return kind::nothing;
  switch (node->type) {
    case YAML_SEQUENCE_NODE: return kind::list;
    case YAML_MAPPING_NODE: return kind::map;
    case YAML_SCALAR_NODE: break;
    default: return kind::nothing;
  }
  std::string_view text{reinterpret_cast<const char*>(node->data.scalar.value), node->data.scalar.length};
  bool null = text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
  return null && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? kind::nothing : kind::scalar;
}

std::size_t yaml_node::line() const {
  auto* node = file_ == nullptr ? nullptr : file_->parsed_->at(index_);
  return node == nullptr ? 0 : node->start_mark.line + 1;
}

std::string yaml_node::text() const {
  if (type() != kind::scalar)
    return {};
  auto& scalar = file_->parsed_->at(index_)->data.scalar;
  return {reinterpret_cast<const char*>(scalar.value), scalar.length};
}

std::vector<yaml_node> yaml_node::items() const {
  std::vector<yaml_node> result;
  if (type() == kind::list) {
    auto& items = file_->parsed_->at(index_)->data.sequence.items;
    for (auto* each = items.start; each < items.top; ++each)
      result.push_back({file_, *each});
  }
  return result;
}

std::vector<std::pair<std::string, yaml_node>> yaml_node::members() const {
  std::vector<std::pair<std::string, yaml_node>> result;
  std::vector<yaml_node> queue{*this};
  for (std::size_t i = 0; i < queue.size() && i < max_merges; ++i) {
    if (queue[i].type() != kind::map)
      continue;
    auto& pairs = file_->parsed_->at(queue[i].index_)->data.mapping.pairs;
    for (auto* each = pairs.start; each < pairs.top; ++each) {
      yaml_node key{file_, each->key}, value{file_, each->value};
      if (key.type() != kind::scalar)
        continue;
      auto name = key.text();
      if (name == "<<") {
        if (value.type() == kind::list)
          for (auto& item : value.items())
            queue.push_back(item);
        else
          queue.push_back(value);
      } else if (i == 0 || std::none_of(result.begin(), result.end(), [&](const auto& have) {
                   return have.first == name;
                 })) {
        result.emplace_back(std::move(name), value);
      }
    }
  }
  return result;
}

yaml_node yaml_node::operator[](std::string_view key) const {
  for (auto& [name, value] : members())
    if (name == key)
      return value;
  return {};
}

} // namespace duende::porting
