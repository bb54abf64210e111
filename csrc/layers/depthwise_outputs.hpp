// Where the outputs of a depth-wise convolution go: to a map, or a few pixels at a time to whoever uses them.
#pragma once

#include <cstddef>
#include <functional>

#include "layers/aligned.hpp"

namespace qabwnas {

// Gets n pixels side by side, counted over all images from `pixel` on, while their values are in the cache.
using UsePixels = std::function<void(const float* values, std::size_t pixel, std::size_t n)>;

// Of one thread: outputs are written to at(pixel), and reported when n of them are there. Without a map, no more than
// n_together are written before.
class DepthwiseOutputs {
  public:
    DepthwiseOutputs(float* map, const UsePixels* use, std::size_t n_channels, std::size_t n_together)
        : map_(map), use_(use), n_channels_(n_channels), few_(map == nullptr ? n_together * n_channels : 0) {}

    bool is_map() const { return map_ != nullptr; }
    float* at(std::size_t pixel) { return is_map() ? map_ + pixel * n_channels_ : few_.data(); }
    void written(std::size_t pixel, std::size_t n) {
        if (!is_map()) (*use_)(few_.data(), pixel, n);
    }

  private:
    float* map_;
    const UsePixels* use_;
    std::size_t n_channels_;
    AlignedFloats few_;
};

}  // namespace qabwnas
