// The pairs of two sorted sides in slabs: ranges of their sum that hold about as many pairs each. Pairs of one sum are
// never in two slabs, so a slab may hold any number of them.
//
// In a slab, each point of the shorter side (a list) makes pairs with one run of the longer one. Complexity: O(lists +
// log of their runs) a slab. Memory: one run a list.
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
    Slabs(std::span<const Value> lists, std::span<const Value> longer, std::size_t pairs_a_slab, Value limit,
          Memory* memory);

    // Goes to the next slab; returns whether there is one.
    bool next();

    const std::pmr::vector<Run>& runs() const { return runs_; }
    Value least() const { return least_; }  // no pair of the slab, nor of one to come, has a smaller sum

  private:
    Value sum(const Run& run, std::size_t i) const { return lists_[run.list] + longer_[i]; }
    std::size_t cut();
    std::size_t end_of_run(const Run& run, Value end) const;

    std::span<const Value> lists_, longer_;
    double pairs_a_slab_, width_;
    Value limit_, least_ = 0;
    std::pmr::vector<Run> runs_;
};

}  // namespace qabwnas
