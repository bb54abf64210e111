// The part of a kernel that falls inside a map.
#pragma once

#include <cstddef>

namespace qabwnas {

// Rows or columns first … last − 1 of a kernel, for one output.
struct KernelSpan {
    std::size_t first, last;

    bool operator==(const KernelSpan&) const = default;
};

// Along one side of a map.
inline KernelSpan inside(std::size_t output, std::size_t n_input, std::size_t kernel, std::size_t stride,
                         std::size_t padding, std::size_t dilation) {
    const std::size_t start = output * stride;
    KernelSpan span{0, kernel};
    while (span.first < kernel && start + span.first * dilation < padding) ++span.first;
    while (span.last > span.first && start + (span.last - 1) * dilation >= n_input + padding) --span.last;
    return span;
}

}  // namespace qabwnas
