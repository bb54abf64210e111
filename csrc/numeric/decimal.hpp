// Decimal numbers as whole units of a decimal grid, exactly.
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

// The number of units of 10^-decimals in a decimal of fewer than 20 digits; results beyond ±2^62 are cut off there.
Value to_units(const Decimal& decimal, int decimals, Rounding rounding);

// The same of a finite double, which stands for the shortest decimal that reads back to it. O(1).
Value to_units(double value, int decimals, Rounding rounding);

}  // namespace qabwnas
