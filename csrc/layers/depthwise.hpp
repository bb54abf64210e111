// Depth-wise convolutions of feature maps with channels last, and the gradient of their weights.
//
// Libraries are quick where kernels are small and not dilated; of 7×7 kernels with dilation 2 they run a reference
// loop, some fifty times slower. Here geometry makes no such difference: the usual ones go by strips
// (depthwise_strips.hpp), and of any other sixteen channels at a time stay in registers for four outputs of a row while
// all weights pass by.
//
// No state is shared between calls. Sums are in float32, in the order of the kernel's rows and columns: how rows are
// shared out among threads changes no bit. Gradients take one thread.
#pragma once

#include <cstddef>

#include "layers/depthwise_outputs.hpp"
#include "layers/kernel_span.hpp"
#include "layers/panels.hpp"
#include "layers/round.hpp"

namespace qabwnas {

struct Sides {
    std::size_t vertical, horizontal;
};

// Output (i, j) reads (i * stride + k * dilation − padding) for every k of the kernel; what lies outside is 0.
struct DepthwiseShape {
    std::size_t n_images, n_channels;
    Sides input, output, kernel, stride, padding, dilation;

    std::size_t input_size() const { return input.vertical * input.horizontal * n_channels; }
    std::size_t output_size() const { return n_pixels() * n_channels; }
    std::size_t n_pixels() const { return output.vertical * output.horizontal; }  // of an output
    KernelSpan rows_inside(std::size_t i) const {  // of the kernel, at row i of an output
        return inside(i, input.vertical, kernel.vertical, stride.vertical, padding.vertical, dilation.vertical);
    }
};

// Whether a map of so many floats is in memory rather than in a cache, so that what comes next is fetched ahead.
constexpr bool is_in_memory(std::size_t n_floats) { return n_floats > 1 << 19; }

// Fewer channels than this are not taken.
constexpr std::size_t fewest_depthwise_channels = panel_width;

// x: n_images × input × n_channels; weights: kernel × n_channels; bias: n_channels, or null; y: n_images × output ×
// n_channels, which is written, rounded to a grid where there is one. At most n_threads threads.
void depthwise(const float* x, const float* weights, const float* bias, const Grid* grid, const DepthwiseShape& shape,
               float* y, std::size_t n_threads);

// The same without a map: outputs go to `use`, on any of the threads.
void depthwise(const float* x, const float* weights, const float* bias, const Grid* grid, const DepthwiseShape& shape,
               const UsePixels& use, std::size_t n_threads);

// gradient: of y. of_weights, kernel × n_channels, is written.
void depthwise_weight_gradient(const float* x, const float* gradient, const DepthwiseShape& shape, float* of_weights);

}  // namespace qabwnas
