// The Lagrangian of a direct search: budgets on sums become prices, and each block then takes its cheapest row.
//
// What that costs, less the prices of the budgets, is at most the objective of every feasible subnet; with one row
// fixed it is at most that of every feasible subnet that uses the row. So of all rows only those matter, given some
// good subnets, whose price is little above the cheapest. (Everett 1963; Geoffrion 1974.)
//
// In floating point: bounds are lowered by more than rounding can have raised them, so that they are always valid.
//
// Complexity: O(rows × budgets), in vector instructions.
#pragma once

#include <vector>

#include "core/problem.hpp"

namespace qabwnas {

class Lagrangian {
  public:
    // The objective is a sum. unit_prices: of every metric's unit, at least 0; 0 but for budgeted sums. Rows beyond a
    // budget on a maximum have no price; of every block, some row is within all of these.
    Lagrangian(const Problem& problem, const std::vector<Value>& budgets, const std::vector<double>& unit_prices);

    // Rows whose prices are further above their block's cheapest are in no feasible subnet of an objective up to upper.
    double gap_of(Value upper) const;

    // The largest objective, or a little less, whose gap is at most the given one.
    Value objective_within(double gap) const;

    // A gap that about n rows of all blocks are within; infinite where there are no more.
    double gap_of_cheapest(std::size_t n) const;

    // The rows of a block whose prices are within a gap above the cheapest.
    std::vector<Index> rows_within(std::size_t block, double gap) const;

    // The cheapest row in each of n or fewer parts of a block.
    std::vector<Index> cheap_rows(std::size_t block, std::size_t n) const;

  private:
    std::vector<std::vector<double>> prices_;            // of every block's rows
    std::vector<std::vector<double>> cheapest_in_runs_;  // of some rows each
    std::vector<double> cheapest_;                       // of every block
    double bound_ = 0, magnitude_ = 0, rounding_;
};

}  // namespace qabwnas
