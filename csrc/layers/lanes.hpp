// Eight floats at once, in whatever registers a function clone has for them.
#pragma once

#include <cstddef>

namespace qabwnas {

using Lanes = float __attribute__((vector_size(32), aligned(4), may_alias));

constexpr std::size_t n_lanes = sizeof(Lanes) / sizeof(float);

// Helpers of clones have to become part of them: by themselves they are compiled for any machine.
#define QABWNAS_INLINE inline __attribute__((always_inline))

QABWNAS_INLINE const Lanes& lanes(const float* values) { return *reinterpret_cast<const Lanes*>(values); }
QABWNAS_INLINE Lanes& lanes(float* values) { return *reinterpret_cast<Lanes*>(values); }

}  // namespace qabwnas
