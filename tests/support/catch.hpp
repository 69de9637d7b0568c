// Catch2 2 (Debian 12) and 3 (Debian 13) under one name.
#pragma once

#ifdef DUENDE_CATCH2_V2
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
using Catch::Approx;
using Catch::Matchers::Contains;
#endif
