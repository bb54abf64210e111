#include "layers/round.hpp"

#include "qabwnas/dispatch.hpp"

namespace qabwnas {

QABWNAS_CLONES void round_to_grid(float* values, std::size_t n, Grid grid) {
    // Next to this number floats are whole: adding it rounds. Ends are whole, so that clamping first changes nothing.
    constexpr float whole = 1.5F * (1 << 23);
    for (std::size_t i = 0; i < n; ++i) {
        float steps = values[i] * grid.inverse;
        steps = steps < grid.low ? grid.low : steps;
        steps = steps > grid.high ? grid.high : steps;
        values[i] = ((steps + whole) - whole) * grid.scale;
    }
}

}  // namespace qabwnas
