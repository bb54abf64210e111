// A depth-wise convolution and a point-wise one behind it, of maps with channels last, without the map between them.
//
// A few pixels of that map at a time are in the cache and never in memory, which takes longer to write and read than
// many a depth-wise convolution to compute. Every number is as the two kernels give it one after the other.
#pragma once

#include "layers/depthwise.hpp"
#include "layers/pointwise.hpp"

namespace qabwnas {

// x: n_images × input × n_channels; y: n_images × output × n_outputs of `second`, which is written. At most n_threads
// threads.
void separable(const float* x, const float* weights, const float* bias, const Grid* grid, const DepthwiseShape& shape,
               const Pointwise& second, float* y, std::size_t n_threads);

}  // namespace qabwnas
