// Capabilities by name (capabilities(7)). By table: the kernel only knows numbers, and a name is checked when a file is loaded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duende {

/// "CAP_NET_RAW" for 13; "capability 77" for one that is not known here.
std::string capability_name(int number);
/// Reads "CAP_NET_RAW", "net_raw", "Cap_Net_Raw".
std::optional<int> capability_number(std::string_view name);
/// All names, by number.
const std::vector<std::string_view>& capability_names();

constexpr std::uint64_t capability_bit(int number) { return std::uint64_t{1} << number; }

} // namespace duende
