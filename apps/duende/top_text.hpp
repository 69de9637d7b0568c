// Text on a terminal for `duende top`: what may be shown, how wide it is, bars out of characters.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace duende::cli {

/// Without what a terminal would act upon: control characters, escape sequences, changes of direction, broken UTF-8.
std::string harmless(std::string_view text);
/// Columns of harmless text: East Asian wide characters and emoji take two, combining marks none.
std::size_t columns_of(std::string_view text);
/// At most `width` columns, the last one `more` where something was cut.
std::string clip(std::string_view text, std::size_t width, std::string_view more = "…");
/// Exactly `width` columns.
std::string pad(std::string_view text, std::size_t width, bool right = false, std::string_view more = "…");
/// One character a value, the last `width` of them, right-aligned; `top` is a full block, NaN a blank. In ASCII where not `utf8`.
std::string sparkline(std::span<const double> values, std::size_t width, double top, bool utf8);
/// At most 5 columns: "874K", "11.8M", "1.2G".
std::string short_bytes(double bytes);
/// At most 6 columns: "59s", "3m12s", "3h12m", "12d4h".
std::string short_span(double seconds);

} // namespace duende::cli
