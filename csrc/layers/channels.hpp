// Statistics of the channels of a feature map with channels last, and batch norm, each in one pass over memory.
//
// Sums are added up in float32 over a few pixels, and those in float64. One thread; no state is shared between calls.
#pragma once

#include <cstddef>

namespace qabwnas {

struct Map {
    const float* values;  // n_pixels × n_channels
    std::size_t n_pixels, n_channels;
};

// Σ (value − other)² of every channel, with another map of one size. sums: n_channels, which are written.
void squared_differences(Map map, const float* others, double* sums);

// Mean of every channel, and the sum of squared distances from it; both n_channels, which are written. What a few
// pixels give is put together by the formula of Chan, Golub and LeVeque (COMPSTAT 1982), so that nothing cancels.
void channel_moments(Map map, double* means, double* squares);

struct Range {
    float low, high;
};

// values ← clamp(values · factor + shift, bounds), with a factor and a shift for each channel, in place. Returns the
// least and the largest of them, which are no numbers where one of them is none.
Range normalise(float* values, std::size_t n_pixels, std::size_t n_channels, const float* factors, const float* shifts,
                Range bounds);

}  // namespace qabwnas
