#include "layers/pointwise.hpp"

#include <algorithm>
#include <vector>

#include "layers/aligned.hpp"
#include "layers/panels.hpp"
#include "qabwnas/dispatch.hpp"
#include "qabwnas/threads.hpp"

namespace qabwnas {

namespace {

constexpr std::size_t n_together = 6;      // pixels: their sums take most registers there are
constexpr std::size_t most_together = 96;  // where weights do not stay in the cache, so that they pass by less often
constexpr std::size_t cached_floats = 1 << 16, floats_a_line = 16;
constexpr std::size_t least_products = 1 << 20;  // that a thread is started for

struct Panels {
    const float *weights, *biases;
    const Grid* grid;
    std::size_t n_inputs, n_outputs;
};

// N pixels at the outputs of a panel, of which there are n_outputs.
template <std::size_t N>
QABWNAS_INLINE void outputs(const float* x, const float* panel, const float* biases, const Panels& panels,
                            std::size_t n_outputs, float* y) {
    Lanes sums[N][n_vectors];
#pragma GCC unroll 6
    for (std::size_t n = 0; n < N; ++n)
#pragma GCC unroll 2
        for (std::size_t v = 0; v < n_vectors; ++v) sums[n][v] = lanes(biases + v * n_lanes);
    for (std::size_t i = 0; i < panels.n_inputs; ++i, panel += panel_width) {
#pragma GCC unroll 6
        for (std::size_t n = 0; n < N; ++n) {
            const float value = x[n * panels.n_inputs + i];
            const Lanes input{value, value, value, value, value, value, value, value};
#pragma GCC unroll 2
            for (std::size_t v = 0; v < n_vectors; ++v) sums[n][v] += input * lanes(panel + v * n_lanes);
        }
    }
#pragma GCC unroll 6
    for (std::size_t n = 0; n < N; ++n) {
        float* to = y + n * panels.n_outputs;
        if (n_outputs == panel_width) {
#pragma GCC unroll 2
            for (std::size_t v = 0; v < n_vectors; ++v) lanes(to + v * n_lanes) = sums[n][v];
        } else {
            float all[panel_width];  // sums that are not indexed stay in registers
#pragma GCC unroll 2
            for (std::size_t v = 0; v < n_vectors; ++v) lanes(all + v * n_lanes) = sums[n][v];
            std::copy_n(all, n_outputs, to);
        }
    }
}

// Some pixels at all outputs. What pixels behind the next ones read, and the next ones write, is fetched ahead.
QABWNAS_INLINE void pixels(std::size_t n, const float* x, const Panels& panels, float* y) {
    const std::size_t n_inputs = panels.n_inputs, n_outputs = panels.n_outputs;
    for (std::size_t i = 0; i < n * n_inputs; i += floats_a_line) __builtin_prefetch(x + 2 * n * n_inputs + i, 0, 2);
    for (std::size_t o = 0; o < n * n_outputs; o += floats_a_line) __builtin_prefetch(y + n * n_outputs + o, 1);
    for (std::size_t o = 0; o < n_outputs; o += panel_width) {
        const float *panel = panels.weights + o * n_inputs, *biases = panels.biases + o;
        const std::size_t here = std::min(panel_width, n_outputs - o);
        const auto from = [&](std::size_t p) { return x + p * n_inputs; };
        const auto to = [&](std::size_t p) { return y + p * n_outputs + o; };
        std::size_t p = 0;
        for (; p + n_together <= n; p += n_together) outputs<n_together>(from(p), panel, biases, panels, here, to(p));
        for (; p + 4 <= n; p += 4) outputs<4>(from(p), panel, biases, panels, here, to(p));
        for (; p + 2 <= n; p += 2) outputs<2>(from(p), panel, biases, panels, here, to(p));
        if (p < n) outputs<1>(from(p), panel, biases, panels, here, to(p));
    }
    // Rounded behind all panels, for the numbers of a grid would take registers that the products want.
    if (panels.grid == nullptr) return;
    std::size_t k = 0;
    for (; k + n_lanes <= n * n_outputs; k += n_lanes) round_at(lanes(y + k), *panels.grid);
    for (; k < n * n_outputs; ++k) round_at(y[k], *panels.grid);
}

QABWNAS_CLONES void all_pixels(const float* x, std::size_t n, const Panels& panels, float* y) {
    const bool stay = panels.n_inputs * panels.n_outputs <= cached_floats;
    const std::size_t at_once = stay ? n_together : most_together;
    for (std::size_t p = 0; p < n; p += at_once)
        pixels(std::min(at_once, n - p), x + p * panels.n_inputs, panels, y + p * panels.n_outputs);
}

}  // namespace

Pointwise::Pointwise(const float* weights, const float* bias, const Grid* grid, std::size_t n_inputs,
                     std::size_t n_outputs)
    : n_inputs_(n_inputs), n_outputs_(n_outputs), grid_(grid) {
    const std::size_t n_panels = (n_outputs + panel_width - 1) / panel_width;
    weights_.resize(n_panels * panel_width * n_inputs);
    biases_.resize(n_panels * panel_width);
    for (std::size_t o = 0; o < n_outputs; ++o) {
        float* to = &weights_[o / panel_width * panel_width * n_inputs + o % panel_width];
        for (std::size_t i = 0; i < n_inputs; ++i) to[i * panel_width] = weights[o * n_inputs + i];
        if (bias != nullptr) biases_[o] = bias[o];
    }
}

void Pointwise::write(const float* x, std::size_t n_pixels, float* y) const {
    all_pixels(x, n_pixels, {weights_.data(), biases_.data(), grid_, n_inputs_, n_outputs_}, y);
}

void Pointwise::write(const float* x, std::size_t n_pixels, float* y, std::size_t n_threads) const {
    on_threads(n_pixels, n_threads, least_products / (n_inputs_ * n_outputs_) + 1,
               [&](std::size_t first, std::size_t last) {
                   write(x + first * n_inputs_, last - first, y + first * n_outputs_);
               });
}

}  // namespace qabwnas
