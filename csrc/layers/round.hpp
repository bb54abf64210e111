// Rounding of floats to numbers of an integer grid, in place and in one pass over memory.
#pragma once

#include <cstddef>

namespace qabwnas {

// scale · clamp(Int(value · inverse), low, high); Int rounds half to even. |low|, |high| ≤ 2^22; what is not a number
// stays so.
struct Grid {
    float inverse, low, high, scale;
};

void round_to_grid(float* values, std::size_t n, Grid grid);

}  // namespace qabwnas
