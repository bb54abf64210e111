// Depth-wise convolutions by strips: the usual kernels and strides, on maps that are not very narrow.
//
// A strip of columns goes down the map. The rows that a kernel reaches stand in a ring beside it, sixteen channels
// after sixteen channels, so that every number comes from memory once, and neighbours lie side by side; what is outside
// of the map is 0 there. Up to eight outputs whose kernels fall on the same columns stay in registers together: each
// input is loaded once for all of them, and each weight too.
//
// Sums are those of depthwise.hpp, in the same order.
#pragma once

#include "layers/depthwise.hpp"

namespace qabwnas {

bool is_for_strips(const DepthwiseShape& shape);

// Rows first … last − 1 of the output of the image x, whose pixels are counted from `pixel` on. The shape is for
// strips.
void depthwise_strips(const float* x, const float* weights, const float* bias, const Grid* grid,
                      const DepthwiseShape& shape, std::size_t first, std::size_t last, std::size_t pixel,
                      DepthwiseOutputs& outputs);

}  // namespace qabwnas
