// Channels in panels: sixteen of a pixel, a line of a cache, which kernels keep in two vectors.
#pragma once

#include <algorithm>
#include <cstddef>

#include "layers/lanes.hpp"

namespace qabwnas {

constexpr std::size_t n_vectors = 2, panel_width = n_vectors * n_lanes;

// Where the panel of channel c begins, of sixteen or more in all: the last one may have some of those before it once
// more.
QABWNAS_INLINE std::size_t first_of_panel(std::size_t c, std::size_t n_channels) {
    return std::min(c, n_channels - panel_width);
}

}  // namespace qabwnas
