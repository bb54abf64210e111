#include "front/slabs.hpp"

#include <algorithm>
#include <limits>

namespace qabwnas {

Slabs::Slabs(std::span<const Value> lists, std::span<const Value> longer, std::size_t pairs_per_slab, Value limit,
             Memory* memory)
    : lists_(lists),
      longer_(longer),
      pairs_per_slab_(static_cast<double>(pairs_per_slab)),
      limit_(limit),
      runs_(memory) {
    const double range = static_cast<double>(lists.back() + longer.back()) - static_cast<double>(lists[0] + longer[0]);
    width_ = range * pairs_per_slab_ / static_cast<double>(lists.size() * longer.size());
    for (std::size_t list = 0; list < lists.size(); ++list) runs_.push_back({list, 0, 0});
}

bool Slabs::advance() {
    std::erase_if(runs_, [&](Run& run) {
        run.at = run.end;
        return run.at == longer_.size();
    });
    if (runs_.empty()) return false;
    least_ = sum(runs_[0], runs_[0].at);
    for (const Run& run : runs_) least_ = std::min(least_, sum(run, run.at));
    if (least_ > limit_) return false;
    const std::size_t n = cut();
    width_ *= std::clamp(pairs_per_slab_ / static_cast<double>(n), 0.25, 4.0);
    return true;
}

// Sets where every run ends, so that the slab begins at the least pair left; returns its number of pairs.
std::size_t Slabs::cut() {
    for (;;) {
        // Totals stay within ±largest_total, so that far above the least the slab has no end.
        const bool has_end = width_ < 0x1p61;
        const Value end = has_end ? least_ + static_cast<Value>(width_) : std::numeric_limits<Value>::max();
        std::size_t n = 0;
        for (Run& run : runs_) {
            run.end = end_of_run(run, end);
            n += run.end - run.at;
        }
        if (static_cast<double>(n) <= 4 * pairs_per_slab_ || width_ < 1) return n;
        width_ = std::min(width_ / 2, width_ * pairs_per_slab_ / static_cast<double>(n));
    }
}

// The first position from run.at on whose pair has a sum above end: galloping, then halving.
std::size_t Slabs::end_of_run(const Run& run, Value end) const {
    std::size_t low = run.at, step = 1;
    while (low + step <= longer_.size() && sum(run, low + step - 1) <= end) {
        low += step;
        step *= 2;
    }
    std::size_t high = std::min(low + step - 1, longer_.size());
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (sum(run, middle) <= end)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

}  // namespace qabwnas
