// Decimal numbers as whole units of a decimal grid, exactly. A double stands for its shortest decimal, the one with the
// fewest digits that reads back to it (Steele and White 1990; Ryū, Adams 2018, in std::to_chars). No state is shared
// between calls.
#pragma once

#include "core/problem.hpp"

namespace qabwnas {

enum class Rounding { half_even, floor };

// ±digits × 10^exponent.
struct Decimal {
    bool negative = false;
    std::uint64_t digits = 0;
    int exponent = 0;
};

// The number of units of 10^-decimals in a decimal of fewer than 20 digits; clipped to ±2^62. O(1).
Value to_units(const Decimal& decimal, int decimals, Rounding rounding);

// The same for a finite double. O(1).
Value to_units(double value, int decimals, Rounding rounding);

}  // namespace qabwnas
