#include "layers/channels.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "layers/lanes.hpp"
#include "qabwnas/dispatch.hpp"

namespace qabwnas {

namespace {

constexpr std::size_t pixels_in_float = 64;

QABWNAS_CLONES void add_values(const float* values, std::size_t n_pixels, std::size_t n_channels, float* sums) {
    for (std::size_t p = 0; p < n_pixels; ++p)
        for (std::size_t c = 0; c < n_channels; ++c) sums[c] += values[p * n_channels + c];
}

QABWNAS_CLONES void add_moments(const float* values, const float* centres, std::size_t n_pixels, std::size_t n_channels,
                                float* sums, float* squares) {
    for (std::size_t p = 0; p < n_pixels; ++p)
        for (std::size_t c = 0; c < n_channels; ++c) {
            const float centred = values[p * n_channels + c] - centres[c];
            sums[c] += centred;
            squares[c] += centred * centred;
        }
}

QABWNAS_CLONES void add_differences(const float* values, const float* others, std::size_t n_pixels,
                                    std::size_t n_channels, float* sums) {
    for (std::size_t p = 0; p < n_pixels; ++p)
        for (std::size_t c = 0; c < n_channels; ++c) {
            const float difference = values[p * n_channels + c] - others[p * n_channels + c];
            sums[c] += difference * difference;
        }
}

// One channel of a pixel, or eight; low and high are the ends so far, and none becomes what is no number.
template <class Values>
QABWNAS_INLINE void normalise_at(Values& values, const Values& factor, const Values& shift, const Values& from,
                                 const Values& to, Values& low, Values& high, Values& none) {
    Values y = values * factor + shift;
    y = y < from ? from : y;
    y = y > to ? to : y;
    values = y;
    low = y < low ? y : low;
    high = y > high ? y : high;
    none = y == y ? none : y;
}

QABWNAS_CLONES Range normalise_all(float* values, std::size_t n_pixels, std::size_t n_channels, const float* factors,
                                   const float* shifts, Range bounds) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    float low = infinity, high = -infinity, none = 0;
    Lanes lows = Lanes{} + low, highs = Lanes{} + high, nones{};
    const Lanes from = Lanes{} + bounds.low, to = Lanes{} + bounds.high;
    for (std::size_t p = 0; p < n_pixels; ++p, values += n_channels) {
        std::size_t c = 0;
        for (; c + n_lanes <= n_channels; c += n_lanes)
            normalise_at(lanes(values + c), lanes(factors + c), lanes(shifts + c), from, to, lows, highs, nones);
        for (; c < n_channels; ++c)
            normalise_at(values[c], factors[c], shifts[c], bounds.low, bounds.high, low, high, none);
    }
    for (std::size_t i = 0; i < n_lanes; ++i) {
        low = std::min(low, lows[i]);
        high = std::max(high, highs[i]);
        none += nones[i];
    }
    return {low + none, high + none};
}

}  // namespace

void squared_differences(Map map, const float* others, double* sums) {
    std::fill_n(sums, map.n_channels, 0.0);
    std::vector<float> part(map.n_channels);
    for (std::size_t p = 0; p < map.n_pixels; p += pixels_in_float) {
        const std::size_t first = p * map.n_channels, n = std::min(pixels_in_float, map.n_pixels - p);
        std::fill(part.begin(), part.end(), 0.0F);
        add_differences(map.values + first, others + first, n, map.n_channels, part.data());
        for (std::size_t c = 0; c < map.n_channels; ++c) sums[c] += static_cast<double>(part[c]);
    }
}

void channel_moments(Map map, double* means, double* squares) {
    std::fill_n(means, map.n_channels, 0.0);
    std::fill_n(squares, map.n_channels, 0.0);
    std::vector<float> centres(map.n_channels), sums(map.n_channels), around(map.n_channels);
    for (std::size_t p = 0; p < map.n_pixels; p += pixels_in_float) {
        const std::size_t n = std::min(pixels_in_float, map.n_pixels - p);
        const float* values = map.values + p * map.n_channels;
        for (std::vector<float>* part : {&centres, &sums, &around}) std::fill(part->begin(), part->end(), 0.0F);
        add_values(values, n, map.n_channels, centres.data());
        for (float& centre : centres) centre /= static_cast<float>(n);
        add_moments(values, centres.data(), n, map.n_channels, sums.data(), around.data());
        const double n_here = static_cast<double>(n), n_before = static_cast<double>(p);
        for (std::size_t c = 0; c < map.n_channels; ++c) {
            const double beside = static_cast<double>(sums[c]) / n_here;  // the centre is the mean but for its rounding
            const double away = static_cast<double>(centres[c]) + beside - means[c];
            means[c] += away * n_here / (n_before + n_here);
            squares[c] += static_cast<double>(around[c]) - beside * beside * n_here +
                          away * away * n_here * n_before / (n_before + n_here);
        }
    }
}

Range normalise(float* values, std::size_t n_pixels, std::size_t n_channels, const float* factors, const float* shifts,
                Range bounds) {
    return normalise_all(values, n_pixels, n_channels, factors, shifts, bounds);
}

}  // namespace qabwnas
