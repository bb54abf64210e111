#include "layers/separable.hpp"

namespace qabwnas {

void separable(const float* x, const float* weights, const float* bias, const Grid* grid, const DepthwiseShape& shape,
               const Pointwise& second, float* y, std::size_t n_threads) {
    depthwise(
        x, weights, bias, grid, shape,
        [&](const float* values, std::size_t pixel, std::size_t n) {
            second.write(values, n, y + pixel * second.n_outputs());
        },
        n_threads);
}

}  // namespace qabwnas
