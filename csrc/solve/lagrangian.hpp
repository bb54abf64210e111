// Lagrangian relaxation of the budgets on sums, to tell which rows can matter (Everett 1963; Geoffrion 1974; Fisher
// 1981).
//
// A row's Lagrangian cost is its objective plus, for each budget, multiplier × cost. The sum of the blocks' least
// Lagrangian costs, minus multiplier × budget, is a lower bound on the objective of every feasible subnet. With one row
// fixed it is a lower bound for every feasible subnet that uses this row. So, given good subnets, only rows whose cost
// is little above the least of their block can be part of a better one (reduced-cost fixing).
//
// All of this is in floating point. Bounds are lowered by more than rounding can have raised them, so they are always
// valid (safe dual bounds: Neumaier and Shcherbina 2004).
//
// Complexity: O(rows × budgets), in vector instructions. Immutable after construction: several threads may read it.
#pragma once

#include <vector>

#include "core/problem.hpp"

namespace qabwnas {

class Lagrangian {
  public:
    // The objective is a sum. multipliers: one per metric, at least 0, and 0 except for budgeted sums. The cost of a
    // row beyond a budget on a maximum is infinite. Each block has a row that is within all those budgets.
    Lagrangian(const Problem& problem, const std::vector<Value>& budgets, const std::vector<double>& multipliers);

    // Rows whose cost is more than this above the least of their block are in no feasible subnet of objective ≤ upper.
    double gap_of(Value upper) const;

    // The largest objective, or slightly less, whose gap is at most the given one.
    Value objective_within(double gap) const;

    // A gap that about n rows of all blocks are within; infinite if there are no more rows.
    double gap_of_rows(std::size_t n) const;

    // The rows of a block whose costs are within a gap above the least.
    std::vector<Index> rows_within(std::size_t block, double gap) const;

    // The row of least cost in each of n or fewer equal ranges of a block.
    std::vector<Index> least_cost_rows(std::size_t block, std::size_t n) const;

  private:
    std::vector<std::vector<double>> costs_;          // Lagrangian costs, per block and row
    std::vector<std::vector<double>> least_in_runs_;  // of run_length rows each, per block
    std::vector<double> least_;                       // per block
    double bound_ = 0, magnitude_ = 0, rounding_;
};

}  // namespace qabwnas
