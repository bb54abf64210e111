#include "layers/depthwise_strips.hpp"

#include <algorithm>
#include <numeric>

#include "layers/aligned.hpp"
#include "layers/panels.hpp"
#include "qabwnas/dispatch.hpp"

namespace qabwnas {

namespace {

constexpr std::size_t most_outputs = 8;       // together in registers, with the weights of a kernel's row
constexpr std::size_t ring_floats = 1 << 17;  // that stay in the cache of a core

using Offset = std::ptrdiff_t;

// How outputs of a row share inputs: kernels of every n_phases-th one fall on the same columns, `shift` taps further.
struct Sharing {
    std::size_t n_phases, shift;
};

Sharing sharing(const DepthwiseShape& shape) {
    const std::size_t common = std::gcd(shape.dilation.horizontal, shape.stride.horizontal);
    return {shape.dilation.horizontal / common, shape.stride.horizontal / common};
}

// Columns first … first + n_columns − 1 of the output, and the ring of rows of the input that they read: for every
// sixteen channels n_rows rows of `width` pixels.
struct Strip {
    std::size_t first, n_columns, n_rows, width;

    Strip(const DepthwiseShape& shape, std::size_t column, std::size_t columns)
        : first(column),
          n_columns(columns),
          n_rows((shape.kernel.vertical - 1) * shape.dilation.vertical + 1),
          // An odd number, so that rows do not all begin in the same set of a cache.
          width(((columns - 1) * shape.stride.horizontal + (shape.kernel.horizontal - 1) * shape.dilation.horizontal +
                 1) |
                1) {}

    std::size_t row_size() const { return width * panel_width; }
    std::size_t panel_size() const { return n_rows * row_size(); }
    std::size_t ring_size(std::size_t n_channels) const {
        return (n_channels + panel_width - 1) / panel_width * panel_size();
    }
};

// As wide as the ring stays in the cache, but as wide as all outputs that go together.
std::size_t columns_of_strip(const DepthwiseShape& shape) {
    const std::size_t unit = most_outputs * sharing(shape).n_phases, all = shape.output.horizontal;
    std::size_t n_columns = std::min(unit, all);
    while (n_columns + unit <= all && Strip(shape, 0, n_columns + unit).ring_size(shape.n_channels) <= ring_floats)
        n_columns += unit;
    return n_columns + unit > all ? all : n_columns;
}

// Row `row` of an image, as far as a strip reads it, to its place in the ring.
QABWNAS_INLINE void put_row(const float* x, const DepthwiseShape& shape, const Strip& strip, std::size_t row,
                            float* ring) {
    const Offset left =
        static_cast<Offset>(strip.first * shape.stride.horizontal) - static_cast<Offset>(shape.padding.horizontal);
    const Offset n_columns = static_cast<Offset>(shape.input.horizontal);
    float* to = ring + row % strip.n_rows * strip.row_size();
    for (std::size_t j = 0; j < strip.width; ++j, to += panel_width) {
        const Offset column = left + static_cast<Offset>(j);
        const bool is_inside = 0 <= column && column < n_columns;
        const float* pixel =
            is_inside ? x + (row * shape.input.horizontal + static_cast<std::size_t>(column)) * shape.n_channels
                      : nullptr;
        float* panel = to;
        for (std::size_t c = 0; c < shape.n_channels; c += panel_width, panel += strip.panel_size()) {
            const std::size_t at = first_of_panel(c, shape.n_channels);
            if (is_inside) __builtin_prefetch(pixel + at + shape.input.horizontal * shape.n_channels, 0, 2);
#pragma GCC unroll 2
            for (std::size_t v = 0; v < n_vectors; ++v)
                lanes(panel + v * n_lanes) = is_inside ? lanes(pixel + at + v * n_lanes) : Lanes{};
        }
    }
}

// What all outputs of a row of a strip have in common. Of the kernel's rows inside of the map, the first reads at
// `offset` of a panel, sixteen channels of the ring. Outputs that share inputs are n_phases columns apart.
struct Row {
    const float *weights, *bias;
    const Grid* grid;
    const DepthwiseShape& shape;
    const Strip& strip;
    std::size_t n_phases;
    bool in_memory;
    KernelSpan rows{};
    std::size_t offset = 0;
};

// Output j and those that share inputs with it, N in all, at sixteen channels from `at` on. Kernels have K columns and
// lie S taps apart; y: where output j goes.
template <std::size_t N, std::size_t S, std::size_t K>
QABWNAS_INLINE void write(const Row& row, const float* panel, std::size_t at, std::size_t j, float* y) {
    const DepthwiseShape& shape = row.shape;
    const std::size_t n_channels = shape.n_channels, apart = row.n_phases * n_channels;
    const std::size_t right = shape.dilation.horizontal * panel_width;
    const std::size_t down = shape.dilation.vertical * row.strip.row_size();
    if (row.in_memory)
#pragma GCC unroll 8
        for (std::size_t n = 0; n < N; ++n) __builtin_prefetch(y + n * apart + shape.output.horizontal * n_channels, 1);
    for (std::size_t v = 0; v < n_vectors; ++v, at += n_lanes, panel += n_lanes, y += n_lanes) {
        Lanes sums[N];
#pragma GCC unroll 8
        for (std::size_t n = 0; n < N; ++n) sums[n] = row.bias == nullptr ? Lanes{} : lanes(row.bias + at);
        std::size_t offset = row.offset;
        for (std::size_t k = row.rows.first; k < row.rows.last; ++k) {
            const float* input = panel + offset + j * shape.stride.horizontal * panel_width;
            const float* weight = row.weights + k * K * n_channels + at;
            Lanes weights[K];
#pragma GCC unroll 7
            for (std::size_t l = 0; l < K; ++l) weights[l] = lanes(weight + l * n_channels);
#pragma GCC unroll 21
            for (std::size_t i = 0; i < (N - 1) * S + K; ++i, input += right)
#pragma GCC unroll 8
                for (std::size_t n = 0; n < N; ++n)
                    if (n * S <= i && i < n * S + K) sums[n] += lanes(input) * weights[i - n * S];
            offset += down;
            if (offset >= row.strip.panel_size()) offset -= row.strip.panel_size();
        }
#pragma GCC unroll 8
        for (std::size_t n = 0; n < N; ++n) {
            if (row.grid != nullptr) round_at(sums[n], *row.grid);
            lanes(y + n * apart) = sums[n];
        }
    }
}

// A row of a strip's output; y is its first column.
template <std::size_t S, std::size_t K>
QABWNAS_INLINE void output_row(const Row& row, const float* ring, float* y) {
    const std::size_t n_phases = row.n_phases, n_columns = row.strip.n_columns;
    const std::size_t n_channels = row.shape.n_channels;
    for (std::size_t c = 0; c < n_channels; c += panel_width, ring += row.strip.panel_size()) {
        const std::size_t at = first_of_panel(c, n_channels);
        for (std::size_t phase = 0; phase < n_phases && phase < n_columns; ++phase) {
            std::size_t j = phase;
            for (; j + (most_outputs - 1) * n_phases < n_columns; j += most_outputs * n_phases)
                write<most_outputs, S, K>(row, ring, at, j, y + j * n_channels + at);
            for (; j + 3 * n_phases < n_columns; j += 4 * n_phases)
                write<4, S, K>(row, ring, at, j, y + j * n_channels + at);
            for (; j < n_columns; j += n_phases) write<1, S, K>(row, ring, at, j, y + j * n_channels + at);
        }
    }
}

// Rows first … last − 1 of a strip, from top to bottom.
template <std::size_t S, std::size_t K>
QABWNAS_INLINE void go_down(const float* x, Row row, std::size_t first, std::size_t last, float* ring,
                            std::size_t pixel, DepthwiseOutputs& outputs) {
    const DepthwiseShape& shape = row.shape;
    const Offset height = static_cast<Offset>(shape.input.vertical);
    const Offset down = static_cast<Offset>(shape.dilation.vertical);
    Offset next = 0;  // row of the input that is not in the ring yet
    for (std::size_t i = first; i < last; ++i) {
        const Offset top = static_cast<Offset>(i * shape.stride.vertical) - static_cast<Offset>(shape.padding.vertical);
        const Offset bottom = std::min(height, top + static_cast<Offset>(row.strip.n_rows));
        for (next = std::max(next, top); next < bottom; ++next)
            put_row(x, shape, row.strip, static_cast<std::size_t>(next), ring);
        row.rows = shape.rows_inside(i);
        row.offset = static_cast<std::size_t>(std::max<Offset>(0, top + static_cast<Offset>(row.rows.first) * down)) %
                     row.strip.n_rows * row.strip.row_size();
        const std::size_t here = pixel + i * shape.output.horizontal + row.strip.first;
        output_row<S, K>(row, ring, outputs.at(here));
        outputs.written(here, row.strip.n_columns);
    }
}

// The usual kernels and strides have loops of their own.
QABWNAS_CLONES void go_down(const float* x, const Row& row, std::size_t first, std::size_t last, float* ring,
                            std::size_t pixel, DepthwiseOutputs& outputs) {
    const bool is_next = sharing(row.shape).shift == 1;
    switch (row.shape.kernel.horizontal) {
        case 3:
            return is_next ? go_down<1, 3>(x, row, first, last, ring, pixel, outputs)
                           : go_down<2, 3>(x, row, first, last, ring, pixel, outputs);
        case 5:
            return is_next ? go_down<1, 5>(x, row, first, last, ring, pixel, outputs)
                           : go_down<2, 5>(x, row, first, last, ring, pixel, outputs);
        default:
            return is_next ? go_down<1, 7>(x, row, first, last, ring, pixel, outputs)
                           : go_down<2, 7>(x, row, first, last, ring, pixel, outputs);
    }
}

}  // namespace

bool is_for_strips(const DepthwiseShape& shape) {
    const std::size_t kernel = shape.kernel.horizontal;
    const auto [n_phases, shift] = sharing(shape);
    return (kernel == 3 || kernel == 5 || kernel == 7) && shift <= 2 &&
           shape.output.horizontal >= most_outputs * n_phases;
}

void depthwise_strips(const float* x, const float* weights, const float* bias, const Grid* grid,
                      const DepthwiseShape& shape, std::size_t first, std::size_t last, std::size_t pixel,
                      DepthwiseOutputs& outputs) {
    const std::size_t n_columns = columns_of_strip(shape);
    AlignedFloats ring(Strip(shape, 0, n_columns).ring_size(shape.n_channels));
    for (std::size_t column = 0; column < shape.output.horizontal; column += n_columns) {
        const Strip strip(shape, column, std::min(n_columns, shape.output.horizontal - column));
        const bool in_memory = outputs.is_map() && is_in_memory(shape.output_size());
        const Row row{weights, bias, grid, shape, strip, sharing(shape).n_phases, in_memory};
        go_down(x, row, first, last, ring.data(), pixel, outputs);
    }
}

}  // namespace qabwnas
