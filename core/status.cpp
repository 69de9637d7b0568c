#include "core/status.hpp"

#include <algorithm>

namespace duende {

void histogram::observe(double seconds) {
  auto bucket = std::lower_bound(histogram_bounds.begin(), histogram_bounds.end(), seconds);
  ++counts[static_cast<std::size_t>(bucket - histogram_bounds.begin())];
  sum += seconds;
}

} // namespace duende
