// What this start of the node goes by: the file, or what ran before it died.
#pragma once

#include "apps/duended/options.hpp"
#include "core/config/load.hpp"

#include <optional>
#include <string>

namespace duende {

struct node_settings {
  node_spec node;
  otlp_spec otlp;
  std::string state_dir;
  /// What ran goes on, whatever became of the file; none at the first start, or where nothing is stored.
  std::optional<stack> resumed;
};

/// A node that comes back keeps its name and its state directory: another one's daemons would be ended as strangers, and this
/// one's history would stay behind. The rest of [node] is the file's, and where that can't be read what was stored. Errors:
/// invalid_config with all that is wrong with the file, where there is nothing else to go by.
caf::expected<node_settings> decide_settings(const node_options& options, const load_result& file);

/// All errors of a file, a line each.
std::string all_errors(const load_result& loaded);

} // namespace duende
