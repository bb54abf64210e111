// The kernels for layers alone, without Python: random maps against plain loops in float64. Built with ASan and UBSan
// by `make core-test`, in buffers of exactly the sizes that are read and written; prints what fails and exits with 1.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "layers/channels.hpp"
#include "layers/depthwise.hpp"
#include "layers/pointwise.hpp"
#include "layers/round.hpp"
#include "layers/separable.hpp"

using namespace qabwnas;

namespace {

int n_failures = 0;
std::mt19937 random_bits(5);

void expect(bool holds, const std::string& what) {
    if (holds) return;
    ++n_failures;
    std::printf("FAILED: %s\n", what.c_str());
}

std::size_t below(std::size_t n) { return random_bits() % n; }

std::vector<float> numbers(std::size_t n) {
    std::normal_distribution<float> normal;
    std::vector<float> values(n);
    std::generate(values.begin(), values.end(), [&] { return normal(random_bits); });
    return values;
}

bool is_near(double found, double expected, double size) { return std::abs(found - expected) <= 1e-5 * (size + 1); }

// Calls see(output index, input index, weight index) for every product of a depth-wise convolution.
template <class See>
void products(const DepthwiseShape& shape, const See& see) {
    const auto at = [&](std::size_t n, std::size_t i, std::size_t j, const Sides& sides, std::size_t c) {
        return ((n * sides.vertical + i) * sides.horizontal + j) * shape.n_channels + c;
    };
    for (std::size_t n = 0; n < shape.n_images; ++n)
        for (std::size_t i = 0; i < shape.output.vertical; ++i)
            for (std::size_t j = 0; j < shape.output.horizontal; ++j)
                for (std::size_t k = 0; k < shape.kernel.vertical; ++k)
                    for (std::size_t l = 0; l < shape.kernel.horizontal; ++l) {
                        const std::size_t row = i * shape.stride.vertical + k * shape.dilation.vertical;
                        const std::size_t column = j * shape.stride.horizontal + l * shape.dilation.horizontal;
                        if (row < shape.padding.vertical || row >= shape.input.vertical + shape.padding.vertical ||
                            column < shape.padding.horizontal ||
                            column >= shape.input.horizontal + shape.padding.horizontal)
                            continue;
                        for (std::size_t c = 0; c < shape.n_channels; ++c)
                            see(at(n, i, j, shape.output, c),
                                at(n, row - shape.padding.vertical, column - shape.padding.horizontal, shape.input, c),
                                (k * shape.kernel.horizontal + l) * shape.n_channels + c);
                    }
}

// Some wide enough for strips, and some of those with channels enough for several strips.
DepthwiseShape random_shape() {
    const bool is_wide = below(2) == 0, is_deep = below(20) == 0;
    DepthwiseShape shape{1 + below(2), fewest_depthwise_channels + below(is_deep ? 400 : 30), {}, {}, {}, {}, {}, {}};
    const auto fill = [](std::size_t most, std::size_t& input, std::size_t& output, std::size_t& kernel,
                         std::size_t& stride, std::size_t& padding, std::size_t& dilation) {
        kernel = 1 + below(9);
        stride = 1 + below(3);
        dilation = 1 + below(4);
        padding = below(kernel * dilation + 2);
        const std::size_t spread = (kernel - 1) * dilation;
        input = 1 + below(most);
        if (input + 2 * padding <= spread) input = spread + 1;
        output = (input + 2 * padding - spread - 1) / stride + 1;
    };
    fill(12, shape.input.vertical, shape.output.vertical, shape.kernel.vertical, shape.stride.vertical,
         shape.padding.vertical, shape.dilation.vertical);
    fill(is_wide ? 80 : 12, shape.input.horizontal, shape.output.horizontal, shape.kernel.horizontal,
         shape.stride.horizontal, shape.padding.horizontal, shape.dilation.horizontal);
    return shape;
}

// A kernel that rounds what it writes gives what rounding its response gives.
template <class Kernel>
void check_rounded(std::vector<float> response, const Kernel& kernel) {
    const Grid grid{8, -20, 31, 0.125F};
    std::vector<float> rounded(response.size());
    kernel(&grid, rounded.data());
    round_to_grid(response.data(), response.size(), grid);
    expect(rounded == response, "a convolution that is rounded as it is written");
}

// Two kernels in one give what they give one after the other.
void check_separable(const DepthwiseShape& shape, const std::vector<float>& x, const std::vector<float>& weights,
                     const std::vector<float>& bias) {
    const Grid between{8, -20, 31, 0.125F}, after{4, -10, 15, 0.25F};
    const std::size_t n_outputs = 1 + below(40), n_pixels = shape.n_images * shape.n_pixels();
    const std::vector<float> of_second = numbers(n_outputs * shape.n_channels), biases = numbers(n_outputs);
    const Pointwise second(of_second.data(), biases.data(), &after, shape.n_channels, n_outputs);
    std::vector<float> map(n_pixels * shape.n_channels), apart(n_pixels * n_outputs), together(apart.size());
    depthwise(x.data(), weights.data(), bias.data(), &between, shape, map.data(), 1);
    second.write(map.data(), n_pixels, apart.data());
    separable(x.data(), weights.data(), bias.data(), &between, shape, second, together.data(), 1 + below(3));
    expect(apart == together, "a separable convolution");
}

void test_depthwise() {
    for (int example = 0; example < 200; ++example) {
        const DepthwiseShape shape = random_shape();
        const std::size_t n_weights = shape.kernel.vertical * shape.kernel.horizontal * shape.n_channels;
        const std::vector<float> x = numbers(shape.n_images * shape.input_size()), weights = numbers(n_weights);
        const std::vector<float> bias = numbers(shape.n_channels);
        const std::vector<float> gradient = numbers(shape.n_images * shape.output_size());
        const bool is_biased = example % 2 != 0;
        std::vector<float> y(gradient.size()), of_weights(n_weights);
        depthwise(x.data(), weights.data(), is_biased ? bias.data() : nullptr, nullptr, shape, y.data(), 1 + below(3));
        check_rounded(y, [&](const Grid* grid, float* rounded) {
            depthwise(x.data(), weights.data(), is_biased ? bias.data() : nullptr, grid, shape, rounded, 1);
        });
        check_separable(shape, x, weights, bias);
        depthwise_weight_gradient(x.data(), gradient.data(), shape, of_weights.data());
        std::vector<double> exact(y.size()), size(y.size()), exact_weights(n_weights), weights_size(n_weights);
        for (std::size_t i = 0; is_biased && i < y.size(); ++i) exact[i] = bias[i % shape.n_channels];
        products(shape, [&](std::size_t output, std::size_t input, std::size_t weight) {
            const double product = static_cast<double>(x[input]) * weights[weight];
            exact[output] += product;
            size[output] += std::abs(product);
            const double of_weight = static_cast<double>(x[input]) * gradient[output];
            exact_weights[weight] += of_weight;
            weights_size[weight] += std::abs(of_weight);
        });
        for (std::size_t i = 0; i < y.size(); ++i) expect(is_near(y[i], exact[i], size[i]), "a convolution");
        for (std::size_t i = 0; i < n_weights; ++i)
            expect(is_near(of_weights[i], exact_weights[i], weights_size[i]), "a gradient of weights");
    }
}

void test_pointwise() {
    for (int example = 0; example < 200; ++example) {
        // Some large enough for several threads, and some whose weights do not stay in the cache.
        const bool is_large = example % 20 == 0, is_wide = example % 20 == 1;
        const std::size_t n_pixels = 1 + below(is_large ? 20000 : 120);
        const std::size_t n_inputs = 1 + below(is_wide ? 600 : 70), n_outputs = 1 + below(is_wide ? 300 : 70);
        const std::vector<float> x = numbers(n_pixels * n_inputs), bias = numbers(n_outputs);
        const std::vector<float> weights = numbers(n_outputs * n_inputs);
        const bool is_biased = example % 2 != 0;
        std::vector<float> y(n_pixels * n_outputs), by_threads(y.size());
        const auto product = [&](const Grid* grid) {
            return Pointwise(weights.data(), is_biased ? bias.data() : nullptr, grid, n_inputs, n_outputs);
        };
        product(nullptr).write(x.data(), n_pixels, y.data());
        product(nullptr).write(x.data(), n_pixels, by_threads.data(), 2 + below(3));
        check_rounded(y, [&](const Grid* grid, float* rounded) { product(grid).write(x.data(), n_pixels, rounded); });
        expect(y == by_threads, "a pointwise convolution on several threads");
        for (std::size_t p = 0; p < n_pixels; p += is_large ? 997 : 1)
            for (std::size_t o = 0; o < n_outputs; ++o) {
                double exact = is_biased ? bias[o] : 0.0, size = 0;
                for (std::size_t i = 0; i < n_inputs; ++i) {
                    const double term = static_cast<double>(x[p * n_inputs + i]) * weights[o * n_inputs + i];
                    exact += term;
                    size += std::abs(term);
                }
                expect(is_near(y[p * n_outputs + o], exact, size), "a pointwise convolution");
            }
    }
}

void test_channels() {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (std::size_t n_channels = 1; n_channels < 20; ++n_channels) {
        const std::size_t n_pixels = 1 + below(300);
        const std::vector<float> values = numbers(n_pixels * n_channels), others = numbers(n_pixels * n_channels);
        std::vector<float> shifted = values;  // means far from zero, beside the deviation
        for (std::size_t i = 0; i < shifted.size(); ++i) shifted[i] += static_cast<float>(30 * (i % n_channels));
        const std::vector<float> factors = numbers(n_channels), shifts = numbers(n_channels);
        const Map map{values.data(), n_pixels, n_channels};
        std::vector<double> means(n_channels), squares(n_channels), differences(n_channels);
        channel_moments({shifted.data(), n_pixels, n_channels}, means.data(), squares.data());
        for (std::size_t c = 0; c < n_channels; ++c) {
            double mean = 0, around = 0;
            for (std::size_t p = 0; p < n_pixels; ++p) mean += shifted[p * n_channels + c];
            mean /= static_cast<double>(n_pixels);
            for (std::size_t p = 0; p < n_pixels; ++p) around += std::pow(shifted[p * n_channels + c] - mean, 2);
            expect(is_near(means[c], mean, std::abs(mean)), "the mean of a channel");
            expect(is_near(squares[c], around, around), "squares around the mean of a channel");
        }
        squared_differences(map, others.data(), differences.data());
        std::vector<float> normalised = values;
        const Range range = normalise(normalised.data(), n_pixels, n_channels, factors.data(), shifts.data(), {0, 6});
        float low = infinity, high = -infinity;
        std::vector<double> exact(n_channels);
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::size_t c = i % n_channels;
            exact[c] += std::pow(static_cast<double>(values[i]) - others[i], 2);
            const double y = std::clamp(static_cast<double>(values[i]) * factors[c] + shifts[c], 0.0, 6.0);
            expect(is_near(normalised[i], y, 10), "batch norm");
            low = std::min(low, normalised[i]);
            high = std::max(high, normalised[i]);
        }
        for (std::size_t c = 0; c < n_channels; ++c) expect(is_near(differences[c], exact[c], exact[c]), "differences");
        expect(range.low == low && range.high == high, "the ends");
        normalised[below(normalised.size())] = std::numeric_limits<float>::quiet_NaN();
        const std::vector<float> ones(n_channels, 1.0F), zeros(n_channels);
        const Range none =
            normalise(normalised.data(), n_pixels, n_channels, ones.data(), zeros.data(), {-infinity, infinity});
        expect(std::isnan(none.low) && std::isnan(none.high), "what is no number is seen");
    }
}

void test_rounding() {
    std::vector<float> values{-1e9F, -3.5F, -2.5F, -0.5F, 0, 0.5F, 1.5F, 2.4F, 1e9F};
    round_to_grid(values.data(), values.size(), {1, -3, 4, 0.5F});
    expect(values == std::vector<float>{-1.5F, -1.5F, -1, 0, 0, 0, 1, 1, 2}, "half to even, and the ends");
}

}  // namespace

int main() {
    test_depthwise();
    test_pointwise();
    test_channels();
    test_rounding();
    std::printf("layers: %s\n", n_failures == 0 ? "all tests passed" : "some tests failed");
    return n_failures == 0 ? 0 : 1;
}
