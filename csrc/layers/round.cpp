#include "layers/round.hpp"

#include "qabwnas/dispatch.hpp"

namespace qabwnas {

QABWNAS_CLONES void round_to_grid(float* values, std::size_t n, Grid grid) {
    for (std::size_t i = 0; i < n; ++i) round_at(values[i], grid);
}

}  // namespace qabwnas
