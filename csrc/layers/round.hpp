// Rounding of floats to numbers of an integer grid, in place and in one pass over memory.
#pragma once

#include <cstddef>

#include "layers/lanes.hpp"

namespace qabwnas {

// scale · clamp(Int(value · inverse), low, high); Int rounds half to even. |low|, |high| ≤ 2^22; what is not a number
// stays so.
struct Grid {
    float inverse, low, high, scale;
};

void round_to_grid(float* values, std::size_t n, Grid grid);

// One value, or eight.
template <class Values>
QABWNAS_INLINE void round_at(Values& values, const Grid& grid) {
    // Next to this number floats are whole: adding it rounds. Ends are whole, so that clamping first changes nothing.
    constexpr float whole = 1.5F * (1 << 23);
    const Values low = Values{} + grid.low, high = Values{} + grid.high;
    Values steps = values * grid.inverse;
    steps = steps < low ? low : steps;
    steps = steps > high ? high : steps;
    values = ((steps + whole) - whole) * grid.scale;
}

}  // namespace qabwnas
