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

// sums: n_channels, which are written.
void channel_sums(Map map, double* sums);

// Σ (value − centre)², with a centre for each channel.
void centred_squares(Map map, const float* centres, double* sums);

// Σ (value − other)², with another map of one size.
void squared_differences(Map map, const float* others, double* sums);

struct Range {
    float low, high;
};

// values ← clamp(values · factor + shift, bounds), with a factor and a shift for each channel, in place. Returns the
// least and the largest of them, which are no numbers where one of them is none.
Range normalise(float* values, std::size_t n_pixels, std::size_t n_channels, const float* factors, const float* shifts,
                Range bounds);

}  // namespace qabwnas
