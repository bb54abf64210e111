// Floats that begin with a line of the cache, so that no vector crosses one.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace qabwnas {

template <class T>
struct LineAllocator {
    using value_type = T;
    static constexpr std::align_val_t line{64};

    LineAllocator() = default;
    template <class U>
    explicit LineAllocator(const LineAllocator<U>&) {}

    T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), line)); }
    void deallocate(T* values, std::size_t) { ::operator delete(values, line); }
    bool operator==(const LineAllocator&) const { return true; }
};

using AlignedFloats = std::vector<float, LineAllocator<float>>;

}  // namespace qabwnas
