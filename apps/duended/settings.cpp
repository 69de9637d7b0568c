#include "apps/duended/settings.hpp"

#include "core/paths.hpp"
#include "monitors/history/store.hpp"

namespace duende {

std::string all_errors(const load_result& loaded) {
  std::string text;
  for (auto& each : loaded.errors)
    text += (text.empty() ? "" : "\n") + to_string(each);
  return text;
}

caf::expected<node_settings> decide_settings(const node_options& options, const load_result& file) {
  node_settings result;
  result.node = file.value.node;
  result.otlp = file.otlp;
  auto& dir = result.state_dir;
  dir = !options.state_dir.empty()      ? options.state_dir
        : result.node.state_dir.empty() ? default_state_dir(result.node.name)
                                        : result.node.state_dir;
  if (options.generation > 1)
    if (auto text = read_stored_stack(dir + "/duende.db"); text && !text->empty())
      if (auto stored = load_text(*text, config_format::json, "stored stack", "/"); stored.ok()) {
        result.resumed = std::move(stored.value);
        if (!file.ok()) {
          result.node = result.resumed->node;
          result.otlp = stored.otlp;
        }
        result.node.name = result.resumed->node.name;
      }
  if (!file.ok() && !result.resumed)
    return make_error(errc::invalid_config, all_errors(file));
  return result;
}

} // namespace duende
