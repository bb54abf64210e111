// Relaxations that bound the direct search: what the blocks still open add to the objective at least.
//
// A relaxation keeps the objective and one cost, and forgets the other budgets. For every depth of the search it holds
// the exact two-metric front over the open blocks (a suffix), so that "the smallest objective with at most this much
// cost" is a binary search. One relaxation a budget gives the single-budget optimum exactly; with several budgets a
// surrogate joins them: the sum of costs, each scaled to its budget's slack (Glover 1975, surrogate constraints).
//
// Scaled costs are rounded down, and a front of more than most_staircase_steps points (tuning.hpp) is thinned to the
// lower corners of groups: both keep every bound valid.
#pragma once

#include <vector>

#include "core/cancel.hpp"
#include "core/problem.hpp"
#include "pareto/prune.hpp"

namespace qabwnas {

// A staircase: objectives ascending, costs descending.
struct Staircase {
    std::vector<Value> objectives;
    std::vector<Value> costs;

    // The smallest objective whose cost is at most room; null where every cost is more.
    const Value* objective_within(Value room) const;
};

class Relaxation {
  public:
    // costs[b]: the relaxed cost of every kept row of blocks[b]; blocks are in search order. objectives likewise.
    Relaxation(std::vector<std::vector<Value>> costs, Value budget, const std::vector<std::vector<Value>>& objectives,
               Aggregation objective, Cancel& cancel, const Tuning& tuning);

    Value cost(std::size_t depth, std::size_t i) const { return costs_[depth][i]; }
    Value budget() const { return budget_; }
    // Over the blocks at depth and behind; of depth = number of blocks: nothing is left to add.
    const Staircase& suffix(std::size_t depth) const { return suffixes_[depth]; }

  private:
    std::vector<std::vector<Value>> costs_;
    Value budget_;
    std::vector<Staircase> suffixes_;
};

// One relaxation a budgeted sum metric beside the objective, and a surrogate if there are several; without budgets, one
// of no cost. blocks are in search order, their values in metric order (row-major).
std::vector<Relaxation> relax(const std::vector<PrunedBlock>& blocks, const std::vector<Aggregation>& aggregations,
                              const std::vector<Value>& origin, const std::vector<Value>& budgets, Cancel& cancel,
                              const Tuning& tuning);

}  // namespace qabwnas
