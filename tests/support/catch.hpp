// Catch2 2 (Debian 12) and 3 (Debian 13) under one name: Approx, and Contains for a part of a string.
#pragma once

#ifdef DUENDE_CATCH2_V2
#include <catch2/catch.hpp>
using Catch::Matchers::Contains;
#else
#include <catch2/catch_all.hpp>
using Catch::Approx;
inline auto Contains(const std::string& part) { return Catch::Matchers::ContainsSubstring(part); }
#endif
