// Cooperative cancellation: long work polls a flag, which asks the caller's function about every twentieth of a second.
//
// A poll costs an addition. The clock is read every 4,096 steps; one call may count for several steps. Threads: a flag
// belongs to one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

namespace qabwnas {

class Cancel {
  public:
    Cancel() = default;
    explicit Cancel(std::function<bool()> ask, std::chrono::milliseconds every = std::chrono::milliseconds(50))
        : ask_(std::move(ask)), every_(every) {}

    // True once the caller wants to stop, and from then on.
    bool requested(std::uint32_t n_steps = 1) {
        n_steps_ += n_steps;
        if (n_steps_ < 4096 || !ask_) return requested_;
        n_steps_ = 0;
        const auto now = Clock::now();
        if (now - asked_ >= every_) {
            asked_ = now;
            requested_ = requested_ || ask_();
        }
        return requested_;
    }

  private:
    using Clock = std::chrono::steady_clock;
    std::function<bool()> ask_;
    std::chrono::milliseconds every_{};
    Clock::time_point asked_ = Clock::now();
    std::uint32_t n_steps_ = 0;
    bool requested_ = false;
};

}  // namespace qabwnas
