// Doubles as whole units of a decimal grid, exactly: a double stands for the shortest decimal that reads back to it.
#pragma once

#include "qabwnas/problem.hpp"

namespace qabwnas {

enum class Rounding { half_even, floor };

// The number of units of 10^-decimals in value, which is finite; results beyond ±2^62 are cut off there. O(1).
Value to_units(double value, int decimals, Rounding rounding);

}  // namespace qabwnas
