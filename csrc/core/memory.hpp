// Counted memory, so that a limit on it holds for all that is allocated: results, tables, sort buffers.
//
// Containers that may grow with the work (std::pmr) take their memory from a MemoryLimit, which throws if it would be
// exceeded; front.cpp turns that into a status.
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory_resource>
#include <vector>

namespace qabwnas {

using Memory = std::pmr::memory_resource;

inline Memory* unlimited_memory() { return std::pmr::new_delete_resource(); }

class MemoryLimitReached : public std::exception {
  public:
    const char* what() const noexcept override { return "the memory limit was reached"; }
};

// Used by one thread at a time. What allocates from it must not outlive it.
class MemoryLimit : public Memory {
  public:
    explicit MemoryLimit(std::size_t most_bytes) : most_(most_bytes) {}

    std::size_t used() const { return used_; }
    std::size_t peak() const { return peak_; }
    std::size_t left() const { return most_ - used_; }

  private:
    // An allocator rounds up and keeps a header.
    static std::size_t charged(std::size_t n_bytes) { return (n_bytes + 15) / 16 * 16 + 16; }

    void* do_allocate(std::size_t n_bytes, std::size_t alignment) override {
        if (n_bytes > most_ || charged(n_bytes) > left()) throw MemoryLimitReached();
        void* const memory = unlimited_memory()->allocate(n_bytes, alignment);
        used_ += charged(n_bytes);
        peak_ = std::max(peak_, used_);
        return memory;
    }

    void do_deallocate(void* memory, std::size_t n_bytes, std::size_t alignment) override {
        used_ -= charged(n_bytes);
        unlimited_memory()->deallocate(memory, n_bytes, alignment);
    }

    bool do_is_equal(const Memory& other) const noexcept override { return this == &other; }

    std::size_t most_, used_ = 0, peak_ = 0;
};

}  // namespace qabwnas
