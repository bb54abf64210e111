// The pairs of two sorted sides in slabs: ranges of their sum that hold about as many pairs each. Pairs of one sum are
// never in two slabs, so a slab may hold any number of them. (On selection in X + Y compare Frederickson and Johnson
// 1982.)
//
// In a slab, each point of the shorter side (a list) makes pairs with one run of the longer side. Complexity: O(lists +
// log of their runs) per slab. Memory: one run per list. Threads: one per object.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/memory.hpp"
#include "core/problem.hpp"

namespace qabwnas {

struct Run {
    std::size_t list, at, end;
};

class Slabs {
  public:
    // Both sides ascend; sums above the limit may be left out. The sides outlive the slabs.
    Slabs(std::span<const Value> lists, std::span<const Value> longer, std::size_t pairs_per_slab, Value limit,
          Memory* memory);

    // Goes to the next slab; returns whether there is one.
    bool advance();

    const std::pmr::vector<Run>& runs() const { return runs_; }
    Value least() const { return least_; }  // no pair of this slab or of a later one has a smaller sum

  private:
    Value sum(const Run& run, std::size_t i) const { return lists_[run.list] + longer_[i]; }
    std::size_t cut();
    std::size_t end_of_run(const Run& run, Value end) const;

    std::span<const Value> lists_, longer_;
    double pairs_per_slab_, width_;
    Value limit_, least_ = 0;
    std::pmr::vector<Run> runs_;
};

}  // namespace qabwnas
