// Operators new and delete that count bytes, so that a test knows the peak of allocated memory. Include it in one file
// only.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace qabwnas::counted_new {

inline std::atomic<std::size_t> in_use = 0, peak = 0;

// The largest number of bytes in use since its construction, in addition to those in use then.
class Peak {
  public:
    Peak() : before_(in_use) { peak = before_; }
    std::size_t bytes() const { return peak - before_; }

  private:
    std::size_t before_;
};

constexpr std::size_t header = 32;  // keeps the memory after it aligned

inline void* allocate(std::size_t n_bytes) {
    char* const memory = static_cast<char*>(std::malloc(n_bytes + header));
    if (memory == nullptr) throw std::bad_alloc();
    *reinterpret_cast<std::size_t*>(memory) = n_bytes;
    in_use += n_bytes;
    peak = std::max<std::size_t>(peak, in_use);
    return memory + header;
}

inline void release(void* at) {
    if (at == nullptr) return;
    char* const memory = static_cast<char*>(at) - header;
    in_use -= *reinterpret_cast<std::size_t*>(memory);
    std::free(memory);
}

}  // namespace qabwnas::counted_new

void* operator new(std::size_t n_bytes) { return qabwnas::counted_new::allocate(n_bytes); }
void* operator new(std::size_t n_bytes, std::align_val_t) { return qabwnas::counted_new::allocate(n_bytes); }
void* operator new(std::size_t n_bytes, const std::nothrow_t&) noexcept {
    return qabwnas::counted_new::allocate(n_bytes);
}
void operator delete(void* at) noexcept { qabwnas::counted_new::release(at); }
void operator delete(void* at, std::size_t) noexcept { qabwnas::counted_new::release(at); }
void operator delete(void* at, std::align_val_t) noexcept { qabwnas::counted_new::release(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { qabwnas::counted_new::release(at); }
