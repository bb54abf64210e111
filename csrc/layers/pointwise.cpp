#include "layers/pointwise.hpp"

#include <algorithm>
#include <vector>

#include "layers/aligned.hpp"
#include "layers/lanes.hpp"
#include "qabwnas/dispatch.hpp"
#include "qabwnas/threads.hpp"

namespace qabwnas {

namespace {

constexpr std::size_t n_vectors = 2, panel_width = n_vectors * n_lanes;
constexpr std::size_t n_together = 6;      // pixels: their sums take most registers there are
constexpr std::size_t most_together = 96;  // where weights do not stay in the cache, so that they pass by less often
constexpr std::size_t cached_floats = 1 << 16, floats_a_line = 16;
constexpr std::size_t least_products = 1 << 20;  // that a thread is started for

// Panels of sixteen outputs, the inputs of each one after the other; biases too. What is behind the last output is 0.
struct Panels {
    AlignedFloats weights, biases;
};

Panels panels_of(const float* weights, const float* bias, const PointwiseShape& shape) {
    const std::size_t n_panels = (shape.n_outputs + panel_width - 1) / panel_width;
    Panels panels{AlignedFloats(n_panels * panel_width * shape.n_inputs), AlignedFloats(n_panels * panel_width)};
    for (std::size_t o = 0; o < shape.n_outputs; ++o) {
        float* to = &panels.weights[o / panel_width * panel_width * shape.n_inputs + o % panel_width];
        for (std::size_t i = 0; i < shape.n_inputs; ++i) to[i * panel_width] = weights[o * shape.n_inputs + i];
        if (bias != nullptr) panels.biases[o] = bias[o];
    }
    return panels;
}

// N pixels at the outputs of a panel, of which there are n_outputs.
template <std::size_t N>
QABWNAS_INLINE void outputs(const float* x, const float* panel, const float* biases, const Grid* grid,
                            const PointwiseShape& shape, std::size_t n_outputs, float* y) {
    Lanes sums[N][n_vectors];
#pragma GCC unroll 6
    for (std::size_t n = 0; n < N; ++n)
#pragma GCC unroll 2
        for (std::size_t v = 0; v < n_vectors; ++v) sums[n][v] = lanes(biases + v * n_lanes);
    for (std::size_t i = 0; i < shape.n_inputs; ++i, panel += panel_width) {
#pragma GCC unroll 6
        for (std::size_t n = 0; n < N; ++n) {
            const float value = x[n * shape.n_inputs + i];
            const Lanes input{value, value, value, value, value, value, value, value};
#pragma GCC unroll 2
            for (std::size_t v = 0; v < n_vectors; ++v) sums[n][v] += input * lanes(panel + v * n_lanes);
        }
    }
#pragma GCC unroll 6
    for (std::size_t n = 0; n < N; ++n) {
        float* to = y + n * shape.n_outputs;
#pragma GCC unroll 2
        for (std::size_t v = 0; v < n_vectors && grid != nullptr; ++v) round_at(sums[n][v], *grid);
        if (n_outputs == panel_width) {
#pragma GCC unroll 2
            for (std::size_t v = 0; v < n_vectors; ++v) lanes(to + v * n_lanes) = sums[n][v];
        } else {
            for (std::size_t o = 0; o < n_outputs; ++o) to[o] = sums[n][o / n_lanes][o % n_lanes];
        }
    }
}

// Some pixels at all outputs. What pixels behind the next ones read, and the next ones write, is fetched ahead.
QABWNAS_INLINE void pixels(std::size_t n, const float* x, const Panels& panels, const Grid* grid,
                           const PointwiseShape& shape, float* y) {
    for (std::size_t i = 0; i < n * shape.n_inputs; i += floats_a_line)
        __builtin_prefetch(x + 2 * n * shape.n_inputs + i, 0, 2);
    for (std::size_t o = 0; o < n * shape.n_outputs; o += floats_a_line)
        __builtin_prefetch(y + n * shape.n_outputs + o, 1);
    for (std::size_t o = 0; o < shape.n_outputs; o += panel_width) {
        const float *panel = &panels.weights[o * shape.n_inputs], *biases = &panels.biases[o];
        const std::size_t n_outputs = std::min(panel_width, shape.n_outputs - o);
        std::size_t p = 0;
        for (; p + n_together <= n; p += n_together)
            outputs<n_together>(x + p * shape.n_inputs, panel, biases, grid, shape, n_outputs,
                                y + p * shape.n_outputs + o);
        for (; p < n; ++p)
            outputs<1>(x + p * shape.n_inputs, panel, biases, grid, shape, n_outputs, y + p * shape.n_outputs + o);
    }
}

QABWNAS_CLONES void pixels_between(std::size_t first, std::size_t last, const float* x, const Panels& panels,
                                   const Grid* grid, const PointwiseShape& shape, float* y) {
    const std::size_t at_once = panels.weights.size() <= cached_floats ? n_together : most_together;
    for (std::size_t p = first; p < last; p += at_once)
        pixels(std::min(at_once, last - p), x + p * shape.n_inputs, panels, grid, shape, y + p * shape.n_outputs);
}

}  // namespace

void pointwise(const float* x, const float* weights, const float* bias, const Grid* grid, const PointwiseShape& shape,
               float* y, std::size_t n_threads) {
    const Panels panels = panels_of(weights, bias, shape);
    on_threads(shape.n_pixels, n_threads, least_products / (shape.n_inputs * shape.n_outputs) + 1,
               [&](std::size_t first, std::size_t last) { pixels_between(first, last, x, panels, grid, shape, y); });
}

}  // namespace qabwnas
