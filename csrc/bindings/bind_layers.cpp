#include <pybind11/stl.h>

#include <optional>

#include "bindings/bindings.hpp"
#include "layers/channels.hpp"
#include "layers/depthwise.hpp"
#include "layers/pointwise.hpp"
#include "layers/round.hpp"
#include "layers/separable.hpp"
#include "qabwnas/dispatch.hpp"

namespace qabwnas {

namespace {

using Pair = std::pair<std::size_t, std::size_t>;

std::size_t side(const Array<float>& values, py::ssize_t axis) { return static_cast<std::size_t>(values.shape(axis)); }

// y is (n, height, width, n_outputs), as x is with channels; weights are (height, width, channels).
DepthwiseShape shape_of(const Array<float>& x, const Array<float>& weights, const Array<float>& y,
                        std::size_t n_outputs, Pair stride, Pair padding, Pair dilation) {
    if (x.ndim() != 4 || weights.ndim() != 3 || y.ndim() != 4) throw py::value_error("maps have four sides");
    const DepthwiseShape shape{side(x, 0),
                               side(x, 3),
                               {side(x, 1), side(x, 2)},
                               {side(y, 1), side(y, 2)},
                               {side(weights, 0), side(weights, 1)},
                               {stride.first, stride.second},
                               {padding.first, padding.second},
                               {dilation.first, dilation.second}};
    const auto fits = [](std::size_t output, std::size_t input, std::size_t kernel, std::size_t step, std::size_t pad,
                         std::size_t dilated) {
        return kernel > 0 && step > 0 && dilated > 0 && output > 0 &&
               (output - 1) * step + (kernel - 1) * dilated < input + 2 * pad;
    };
    if (side(y, 0) != shape.n_images || side(y, 3) != n_outputs || side(weights, 2) != shape.n_channels ||
        shape.n_channels < fewest_depthwise_channels ||
        !fits(shape.output.vertical, shape.input.vertical, shape.kernel.vertical, stride.first, padding.first,
              dilation.first) ||
        !fits(shape.output.horizontal, shape.input.horizontal, shape.kernel.horizontal, stride.second, padding.second,
              dilation.second))
        throw py::value_error("maps and weights do not belong together");
    return shape;
}

// What rounding to a grid takes, in the order of its members.
using GridNumbers = std::tuple<float, float, float, float>;

std::optional<Grid> grid_of(const std::optional<GridNumbers>& numbers) {
    if (!numbers) return std::nullopt;
    const auto [inverse, low, high, scale] = *numbers;
    return Grid{inverse, low, high, scale};
}

void depthwise_of(const Array<float>& x, const Array<float>& weights, const std::optional<Array<float>>& bias,
                  const std::optional<GridNumbers>& rounding, Array<float>& y, Pair stride, Pair padding, Pair dilation,
                  std::size_t n_threads) {
    const DepthwiseShape shape = shape_of(x, weights, y, side(x, 3), stride, padding, dilation);
    if (bias && side(*bias, 0) != shape.n_channels) throw py::value_error("a bias has a number for each channel");
    const std::optional<Grid> grid = grid_of(rounding);
    const float *from = x.data(), *by = weights.data(), *start = bias ? bias->data() : nullptr;
    float* to = y.mutable_data();
    const py::gil_scoped_release released;  // plain memory that the caller's arrays keep alive
    depthwise(from, by, start, grid ? &*grid : nullptr, shape, to, n_threads);
}

// x is (…, inputs), y is (…, outputs), weights are (outputs, inputs).
void pointwise_of(const Array<float>& x, const Array<float>& weights, const std::optional<Array<float>>& bias,
                  const std::optional<GridNumbers>& rounding, Array<float>& y, std::size_t n_threads) {
    if (x.ndim() == 0 || y.ndim() == 0 || weights.ndim() != 2) throw py::value_error("maps and weights have sides");
    const std::size_t n_inputs = side(weights, 1), n_outputs = side(weights, 0);
    const std::size_t n_pixels = static_cast<std::size_t>(x.size()) / std::max<std::size_t>(n_inputs, 1);
    if (n_inputs == 0 || n_outputs == 0 || side(x, x.ndim() - 1) != n_inputs || side(y, y.ndim() - 1) != n_outputs ||
        static_cast<std::size_t>(y.size()) != n_pixels * n_outputs)
        throw py::value_error("maps and weights do not belong together");
    if (bias && side(*bias, 0) != n_outputs) throw py::value_error("a bias has a number for each output");
    const std::optional<Grid> grid = grid_of(rounding);
    const float *from = x.data(), *by = weights.data(), *start = bias ? bias->data() : nullptr;
    float* to = y.mutable_data();
    const py::gil_scoped_release released;
    Pointwise(by, start, grid ? &*grid : nullptr, n_inputs, n_outputs).write(from, n_pixels, to, n_threads);
}

// A depth-wise convolution, and a point-wise one of (outputs, channels) behind it; both with bias and rounding.
void separable_of(const Array<float>& x, const Array<float>& weights, const Array<float>& bias,
                  const GridNumbers& rounding, const Array<float>& second_weights, const Array<float>& second_bias,
                  const GridNumbers& second_rounding, Array<float>& y, Pair stride, Pair padding, Pair dilation,
                  std::size_t n_threads) {
    if (second_weights.ndim() != 2 || bias.ndim() != 1 || second_bias.ndim() != 1)
        throw py::value_error("weights and biases have sides");
    const std::size_t n_outputs = side(second_weights, 0);
    const DepthwiseShape shape = shape_of(x, weights, y, n_outputs, stride, padding, dilation);
    if (n_outputs == 0 || side(second_weights, 1) != shape.n_channels || side(bias, 0) != shape.n_channels ||
        side(second_bias, 0) != n_outputs)
        throw py::value_error("weights and biases do not belong together");
    const Grid grid = *grid_of(rounding), second_grid = *grid_of(second_rounding);
    const float *from = x.data(), *by = weights.data(), *start = bias.data();
    const float *second_by = second_weights.data(), *second_start = second_bias.data();
    float* to = y.mutable_data();
    const py::gil_scoped_release released;
    const Pointwise second(second_by, second_start, &second_grid, shape.n_channels, n_outputs);
    separable(from, by, start, &grid, shape, second, to, n_threads);
}

void depthwise_weight_gradient_of(const Array<float>& x, const Array<float>& gradient, Array<float>& of_weights,
                                  Pair stride, Pair padding, Pair dilation) {
    const DepthwiseShape shape = shape_of(x, of_weights, gradient, side(x, 3), stride, padding, dilation);
    const float *from = x.data(), *given = gradient.data();
    float* to = of_weights.mutable_data();
    const py::gil_scoped_release released;
    depthwise_weight_gradient(from, given, shape, to);
}

void round_to_grid_of(Array<float>& values, float inverse, float low, float high, float scale) {
    const Grid grid{inverse, low, high, scale};
    float* at = values.mutable_data();
    const auto n = static_cast<std::size_t>(values.size());
    const py::gil_scoped_release released;
    round_to_grid(at, n, grid);
}

Map map_of(const Array<float>& x) {
    if (x.ndim() == 0 || x.size() == 0) throw py::value_error("a map has channels and pixels");
    const std::size_t n_channels = side(x, x.ndim() - 1);
    return {x.data(), static_cast<std::size_t>(x.size()) / n_channels, n_channels};
}

std::pair<Array<double>, Array<double>> channel_moments_of(const Array<float>& x) {
    const Map map = map_of(x);
    const auto n_channels = static_cast<py::ssize_t>(map.n_channels);
    Array<double> means(n_channels), squares(n_channels);
    double *to_means = means.mutable_data(), *to_squares = squares.mutable_data();
    {
        const py::gil_scoped_release released;
        channel_moments(map, to_means, to_squares);
    }
    return {means, squares};
}

// For every image of (n, height, width, channels), (n, channels).
Array<double> squared_differences_of(const Array<float>& x, const Array<float>& y) {
    const Map all = map_of(x);
    if (x.ndim() != 4 || y.ndim() != 4 || !std::equal(x.shape(), x.shape() + 4, y.shape()))
        throw py::value_error("maps of one shape are compared");
    const std::size_t n_images = side(x, 0), n_pixels = all.n_pixels / n_images;
    Array<double> sums({x.shape(0), x.shape(3)});
    const float* other = y.data();
    double* to = sums.mutable_data();
    const py::gil_scoped_release released;
    for (std::size_t i = 0; i < n_images; ++i) {
        const std::size_t first = i * n_pixels * all.n_channels;
        squared_differences({all.values + first, n_pixels, all.n_channels}, other + first, to + i * all.n_channels);
    }
    return sums;
}

std::pair<float, float> normalise_of(Array<float>& x, const Array<float>& factors, const Array<float>& shifts,
                                     float low, float high) {
    const Map map = map_of(x);
    const auto n_channels = static_cast<py::ssize_t>(map.n_channels);
    if (factors.size() != n_channels || shifts.size() != n_channels)
        throw py::value_error("a factor and a shift for each channel");
    float* values = x.mutable_data();
    const float *by = factors.data(), *plus = shifts.data();
    const py::gil_scoped_release released;
    const Range found = normalise(values, map.n_pixels, map.n_channels, by, plus, {low, high});
    return {found.low, found.high};
}

}  // namespace

void register_layers(py::module_& module) {
    module.attr("FEWEST_DEPTHWISE_CHANNELS") = fewest_depthwise_channels;
    module.def("has_wide_vectors", &has_wide_vectors, "Whether this machine runs clones for eight floats at once.");
    module.def("depthwise", &depthwise_of, py::arg("x").noconvert(), py::arg("weights").noconvert(),
               py::arg("bias").noconvert(), py::arg("grid"), py::arg("y").noconvert(), py::arg("stride"),
               py::arg("padding"), py::arg("dilation"), py::arg("n_threads"),
               "Write a depth-wise convolution of maps with channels last to y.");
    module.def("pointwise", &pointwise_of, py::arg("x").noconvert(), py::arg("weights").noconvert(),
               py::arg("bias").noconvert(), py::arg("grid"), py::arg("y").noconvert(), py::arg("n_threads"),
               "Write a convolution with kernels of one pixel, of maps with channels last, to y.");
    module.def("separable", &separable_of, py::arg("x").noconvert(), py::arg("weights").noconvert(),
               py::arg("bias").noconvert(), py::arg("grid"), py::arg("second_weights").noconvert(),
               py::arg("second_bias").noconvert(), py::arg("second_grid"), py::arg("y").noconvert(), py::arg("stride"),
               py::arg("padding"), py::arg("dilation"), py::arg("n_threads"),
               "Write a depth-wise convolution and a point-wise one behind it, both rounded, to y.");
    module.def("depthwise_weight_gradient", &depthwise_weight_gradient_of, py::arg("x").noconvert(),
               py::arg("gradient").noconvert(), py::arg("of_weights").noconvert(), py::arg("stride"),
               py::arg("padding"), py::arg("dilation"), "Write the gradient of its weights to of_weights.");
    module.def("round_to_grid", &round_to_grid_of, py::arg("values").noconvert(), py::arg("inverse"), py::arg("low"),
               py::arg("high"), py::arg("scale"), "Round floats to the numbers of a grid, in place.");
    module.def("channel_moments", &channel_moments_of, py::arg("x").noconvert(),
               "The mean of every channel, and the sum of its squares around it.");
    module.def("squared_differences", &squared_differences_of, py::arg("x").noconvert(), py::arg("y").noconvert(),
               "For every image and channel the sum of squared differences.");
    module.def("normalise", &normalise_of, py::arg("x").noconvert(), py::arg("factors").noconvert(),
               py::arg("shifts").noconvert(), py::arg("low"), py::arg("high"),
               "Apply batch norm and bounds in place, and return the least and the largest value.");
}

}  // namespace qabwnas
