#include "layers/depthwise.hpp"

#include <algorithm>
#include <vector>

#include "layers/depthwise_strips.hpp"
#include "layers/panels.hpp"
#include "qabwnas/dispatch.hpp"
#include "qabwnas/threads.hpp"

namespace qabwnas {

namespace {

constexpr std::size_t n_outputs = 4;             // side by side, so that a weight is loaded once for all of them
constexpr std::size_t least_products = 1 << 20;  // that a thread is started for

using Offset = std::ptrdiff_t;

// For every column of the output.
std::vector<KernelSpan> columns_inside(const DepthwiseShape& shape) {
    std::vector<KernelSpan> columns;
    for (std::size_t j = 0; j < shape.output.horizontal; ++j)
        columns.push_back(inside(j, shape.input.horizontal, shape.kernel.horizontal, shape.stride.horizontal,
                                 shape.padding.horizontal, shape.dilation.horizontal));
    return columns;
}

// Where output (i, j) reads at (k, l) of the kernel, counted from the beginning of an image.
QABWNAS_INLINE Offset place(const DepthwiseShape& shape, std::size_t i, std::size_t j, std::size_t k, std::size_t l) {
    const Offset row = static_cast<Offset>(i * shape.stride.vertical + k * shape.dilation.vertical) -
                       static_cast<Offset>(shape.padding.vertical);
    const Offset column = static_cast<Offset>(j * shape.stride.horizontal + l * shape.dilation.horizontal) -
                          static_cast<Offset>(shape.padding.horizontal);
    return (row * static_cast<Offset>(shape.input.horizontal) + column) * static_cast<Offset>(shape.n_channels);
}

// Outputs (i, j) … (i, j + N − 1), which read the same part of the kernel, at sixteen channels.
// What the next row reads and writes first is fetched ahead where it comes from memory.
template <std::size_t N>
QABWNAS_INLINE void outputs(const float* x, const float* weights, const float* bias, const Grid* grid,
                            const DepthwiseShape& shape, std::size_t i, std::size_t j, KernelSpan rows,
                            KernelSpan columns, bool in_memory, float* y) {
    const std::size_t n_channels = shape.n_channels, step = shape.stride.horizontal * n_channels;
    const std::size_t right = shape.dilation.horizontal * n_channels;
    const std::size_t down = shape.dilation.vertical * shape.input.horizontal * n_channels;
    Lanes sums[N][n_vectors];
#pragma GCC unroll 4
    for (std::size_t n = 0; n < N; ++n)
#pragma GCC unroll 2
        for (std::size_t v = 0; v < n_vectors; ++v) sums[n][v] = bias == nullptr ? Lanes{} : lanes(bias + v * n_lanes);
    const float* of_row = x + place(shape, i, j, rows.first, columns.first);
    if (in_memory) {
        const float* new_row =
            of_row + (rows.last - 1 - rows.first) * down + shape.stride.vertical * shape.input.horizontal * n_channels;
#pragma GCC unroll 4
        for (std::size_t n = 0; n < N; ++n) {
            __builtin_prefetch(new_row + n * step, 0, 2);
            __builtin_prefetch(y + (n + shape.output.horizontal) * n_channels, 1);
        }
    }
    for (std::size_t k = rows.first; k < rows.last; ++k, of_row += down) {
        const float* weight = weights + (k * shape.kernel.horizontal + columns.first) * n_channels;
        const float* read = of_row;
        for (std::size_t l = columns.first; l < columns.last; ++l, read += right, weight += n_channels) {
#pragma GCC unroll 2
            for (std::size_t v = 0; v < n_vectors; ++v)
#pragma GCC unroll 4
                for (std::size_t n = 0; n < N; ++n)
                    sums[n][v] += lanes(read + n * step + v * n_lanes) * lanes(weight + v * n_lanes);
        }
    }
#pragma GCC unroll 4
    for (std::size_t n = 0; n < N; ++n)
#pragma GCC unroll 2
        for (std::size_t v = 0; v < n_vectors; ++v) {
            if (grid != nullptr) round_at(sums[n][v], *grid);
            lanes(y + n * n_channels + v * n_lanes) = sums[n][v];
        }
}

// Row i of the output, all channels of it: rows that are read again are still in the cache.
QABWNAS_CLONES void output_row(const float* x, const float* weights, const float* bias, const Grid* grid,
                               const DepthwiseShape& shape, const KernelSpan* columns, std::size_t i, float* y) {
    const KernelSpan rows = shape.rows_inside(i);
    const bool in_memory = is_in_memory(shape.input_size());
    for (std::size_t c = 0; c < shape.n_channels; c += panel_width) {
        const std::size_t at = first_of_panel(c, shape.n_channels);
        const float* start = bias == nullptr ? nullptr : bias + at;
        for (std::size_t j = 0; j < shape.output.horizontal;) {
            float* to = y + j * shape.n_channels + at;
            if (j + n_outputs <= shape.output.horizontal && columns[j] == columns[j + n_outputs - 1]) {
                outputs<n_outputs>(x + at, weights + at, start, grid, shape, i, j, rows, columns[j], in_memory, to);
                j += n_outputs;
            } else {
                outputs<1>(x + at, weights + at, start, grid, shape, i, j, rows, columns[j], in_memory, to);
                ++j;
            }
        }
    }
}

// Adds to the gradients of weights (k, first) … (k, first + N − 1) what row i of the output gives, at sixteen channels.
template <std::size_t N>
QABWNAS_INLINE void add_gradients(const float* x, const float* gradient, const DepthwiseShape& shape,
                                  const KernelSpan* columns, std::size_t i, std::size_t k, std::size_t first,
                                  float* of_weights) {
    const std::size_t step = shape.dilation.horizontal * shape.n_channels;
    const std::size_t right = shape.stride.horizontal * shape.n_channels;
    Lanes sums[N][n_vectors] = {};
    const float* read = x + place(shape, i, 0, k, first);
    for (std::size_t j = 0; j < shape.output.horizontal; ++j, gradient += shape.n_channels, read += right) {
        if (columns[j].first <= first && first + N <= columns[j].last) {
#pragma GCC unroll 7
            for (std::size_t n = 0; n < N; ++n)
#pragma GCC unroll 2
                for (std::size_t v = 0; v < n_vectors; ++v)
                    sums[n][v] += lanes(read + n * step + v * n_lanes) * lanes(gradient + v * n_lanes);
        } else {
#pragma GCC unroll 7
            for (std::size_t n = 0; n < N; ++n)
                if (columns[j].first <= first + n && first + n < columns[j].last)
#pragma GCC unroll 2
                    for (std::size_t v = 0; v < n_vectors; ++v)
                        sums[n][v] += lanes(read + n * step + v * n_lanes) * lanes(gradient + v * n_lanes);
        }
    }
    float* to = of_weights + (k * shape.kernel.horizontal + first) * panel_width;
#pragma GCC unroll 7
    for (std::size_t n = 0; n < N; ++n)
#pragma GCC unroll 2
        for (std::size_t v = 0; v < n_vectors; ++v) lanes(to + n * panel_width + v * n_lanes) += sums[n][v];
}

// of_weights: kernel × sixteen channels.
QABWNAS_CLONES void add_gradients_of_row(const float* x, const float* gradient, const DepthwiseShape& shape,
                                         const KernelSpan* columns, std::size_t i, float* of_weights) {
    const KernelSpan rows = shape.rows_inside(i);
    for (std::size_t k = rows.first; k < rows.last; ++k)
        for (std::size_t l = 0; l < shape.kernel.horizontal;) {
            const std::size_t left = shape.kernel.horizontal - l;
            if (left >= 7) {
                add_gradients<7>(x, gradient, shape, columns, i, k, l, of_weights);
                l += 7;
            } else if (left >= 5) {
                add_gradients<5>(x, gradient, shape, columns, i, k, l, of_weights);
                l += 5;
            } else if (left >= 3) {
                add_gradients<3>(x, gradient, shape, columns, i, k, l, of_weights);
                l += 3;
            } else {
                add_gradients<1>(x, gradient, shape, columns, i, k, l, of_weights);
                ++l;
            }
        }
}

// Rows first … last − 1 of an image's output, whose pixels are counted from `pixel` on.
void output_rows(const float* x, const float* weights, const float* bias, const Grid* grid, const DepthwiseShape& shape,
                 std::size_t first, std::size_t last, std::size_t pixel, DepthwiseOutputs& outputs) {
    const std::vector<KernelSpan> columns = columns_inside(shape);
    const std::size_t n_columns = shape.output.horizontal;
    for (std::size_t i = first; i < last; ++i) {
        output_row(x, weights, bias, grid, shape, columns.data(), i, outputs.at(pixel + i * n_columns));
        outputs.written(pixel + i * n_columns, n_columns);
    }
}

void write_outputs(const float* x, const float* weights, const float* bias, const Grid* grid,
                   const DepthwiseShape& shape, float* y, const UsePixels* use, std::size_t n_threads) {
    const auto write = is_for_strips(shape) ? depthwise_strips : output_rows;
    const std::size_t n_rows = shape.output.vertical;
    const std::size_t of_row = shape.output.horizontal * shape.n_channels;
    const std::size_t of_kernel = shape.kernel.vertical * shape.kernel.horizontal;
    const auto rows = [&](std::size_t first, std::size_t last) {
        DepthwiseOutputs outputs(y, use, shape.n_channels, shape.output.horizontal);
        for (std::size_t row = first; row < last;) {
            const std::size_t image = row / n_rows, before = image * n_rows, end = std::min(last, before + n_rows);
            write(x + image * shape.input_size(), weights, bias, grid, shape, row - before, end - before,
                  image * shape.n_pixels(), outputs);
            row = end;
        }
    };
    on_threads(shape.n_images * n_rows, n_threads, least_products / (of_row * of_kernel) + 1, rows);
}

}  // namespace

void depthwise(const float* x, const float* weights, const float* bias, const Grid* grid, const DepthwiseShape& shape,
               float* y, std::size_t n_threads) {
    write_outputs(x, weights, bias, grid, shape, y, nullptr, n_threads);
}

void depthwise(const float* x, const float* weights, const float* bias, const Grid* grid, const DepthwiseShape& shape,
               const UsePixels& use, std::size_t n_threads) {
    write_outputs(x, weights, bias, grid, shape, nullptr, &use, n_threads);
}

void depthwise_weight_gradient(const float* x, const float* gradient, const DepthwiseShape& shape, float* of_weights) {
    const std::vector<KernelSpan> columns = columns_inside(shape);
    const std::size_t n_weights = shape.kernel.vertical * shape.kernel.horizontal;
    const std::size_t of_row = shape.output.horizontal * shape.n_channels;
    std::vector<float> sums((shape.n_channels + panel_width - 1) / panel_width * panel_width * n_weights);
    for (std::size_t n = 0; n < shape.n_images; ++n, x += shape.input_size())
        for (std::size_t i = 0; i < shape.output.vertical; ++i, gradient += of_row)
            for (std::size_t c = 0; c < shape.n_channels; c += panel_width) {
                const std::size_t at = first_of_panel(c, shape.n_channels);
                add_gradients_of_row(x + at, gradient + at, shape, columns.data(), i, sums.data() + c * n_weights);
            }
    for (std::size_t c = 0; c < shape.n_channels; c += panel_width)
        for (std::size_t k = 0; k < n_weights; ++k)
            std::copy_n(sums.data() + c * n_weights + k * panel_width, panel_width,
                        of_weights + k * shape.n_channels + first_of_panel(c, shape.n_channels));
}

}  // namespace qabwnas
