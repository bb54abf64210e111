// Convolutions with kernels of one pixel, of maps with channels last: a product of matrices.
//
// Six pixels at a time keep sixteen outputs each in registers while all inputs pass by; they stay in the cache while
// panels of weights, sixteen outputs each, pass by. (Compare Goto, van de Geijn 2008.)
//
// Each output is a sum over the inputs in order, beginning with its bias: how pixels are shared out among threads or
// calls changes no bit. No state is shared between calls.
#pragma once

#include <cstddef>

#include "layers/round.hpp"

namespace qabwnas {

struct PointwiseShape {
    std::size_t n_pixels, n_inputs, n_outputs;
};

// x: n_pixels × n_inputs; weights: n_outputs × n_inputs; bias: n_outputs, or null; y: n_pixels × n_outputs, which is
// written, rounded to a grid where there is one. At most n_threads threads.
void pointwise(const float* x, const float* weights, const float* bias, const Grid* grid, const PointwiseShape& shape,
               float* y, std::size_t n_threads);

}  // namespace qabwnas
