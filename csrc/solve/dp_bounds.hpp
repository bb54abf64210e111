// Lower bounds for depth-first branch and bound, by dynamic programming over the blocks that are still open.
//
// A relaxation keeps the objective and one cost, and drops the other budgets. For each depth of the search it holds the
// Pareto-optimal states (objective, cost) of the open blocks, from dominance-pruned dynamic programming (Nemhauser and
// Ullmann 1969). "The smallest objective with at most this much cost" is then a binary search. One relaxation per
// budget gives the optimum under that single budget exactly. With several budgets, a surrogate constraint (Glover 1975)
// joins them: the sum of costs, each scaled to its budget's slack.
//
// Scaled costs are rounded down, and more than most_dp_states states (tuning.hpp) are coarsened to the lower
// corners of groups. Both keep every bound valid.
//
// Complexity: for each block, the merge of its Pareto-optimal rows and the states after it (merge_two_metrics.hpp); a
// query is O(log states). One thread; no state is shared between calls.
#pragma once

#include <vector>

#include "core/cancel.hpp"
#include "core/problem.hpp"
#include "pareto/prune.hpp"

namespace qabwnas {

// Mutually non-dominated states: objectives ascending, costs descending.
struct ParetoStates {
    std::vector<Value> objectives;
    std::vector<Value> costs;

    // The smallest objective whose cost is at most the capacity; null if there is none.
    const Value* objective_within(Value capacity) const;
};

class DpBound {
  public:
    // costs[b]: the relaxed cost of each row of block b, blocks in search order. objectives: likewise.
    DpBound(std::vector<std::vector<Value>> costs, Value budget, const std::vector<std::vector<Value>>& objectives,
            Aggregation objective, Cancel& cancel, const Tuning& tuning);

    Value cost(std::size_t depth, std::size_t i) const { return costs_[depth][i]; }
    Value budget() const { return budget_; }
    // The states of the blocks from depth on. At depth = number of blocks nothing is left to add.
    const ParetoStates& states(std::size_t depth) const { return states_[depth]; }

  private:
    std::vector<std::vector<Value>> costs_;
    Value budget_;
    std::vector<ParetoStates> states_;
};

// One bound per budgeted sum, in addition a surrogate if there are several; without budgets, one that costs nothing.
// Blocks are in search order, their values in metric order (row-major).
std::vector<DpBound> dp_bounds(const std::vector<PrunedBlock>& blocks, const std::vector<Aggregation>& aggregations,
                               const std::vector<Value>& origin, const std::vector<Value>& budgets, Cancel& cancel,
                               const Tuning& tuning);

}  // namespace qabwnas
