// The Lagrangian of a direct search: budgets on sums become prices, and each block then takes its cheapest row.
//
// What that costs, less the prices of the budgets, is at most the objective of every feasible subnet; with one row
// fixed it is at most that of every feasible subnet that uses the row. (Everett 1963; Geoffrion 1974.)
//
// In floating point: bounds are lowered by more than rounding can have raised them, so that they are always valid.
#pragma once

#include <cmath>
#include <vector>

#include "qabwnas/cancel.hpp"
#include "qabwnas/problem.hpp"
#include "qabwnas/prune.hpp"

namespace qabwnas {

class Lagrangian {
  public:
    // blocks: their values in metric order; with the rows that are cheapest at any prices. The objective is a sum.
    // Prices are those of the linear relaxation, at which the bound is best.
    Lagrangian(const std::vector<PrunedBlock>& blocks, const std::vector<Aggregation>& aggregations,
               const std::vector<Value>& origin, const std::vector<Value>& budgets, Cancel& cancel);

    // Whether no feasible subnet that uses a row (of the unpruned block b) has an objective of upper or less.
    bool is_above(Value upper, std::size_t b, const Columns& block, std::size_t row) const {
        double price = static_cast<double>(block.at(0, row)), size = std::abs(price);
        for (std::size_t j = 0; j < metrics_.size(); ++j) {
            const double cost = prices_[j] * static_cast<double>(block.at(metrics_[j], row));
            price += cost;
            size += std::abs(cost);
        }
        const double limit = static_cast<double>(upper);
        return bound_ - cheapest_[b] + price > limit + (size + std::abs(limit)) * rounding_;
    }

  private:
    std::vector<std::size_t> metrics_;  // budgeted sums
    std::vector<double> prices_;        // of a unit of each of these
    std::vector<double> cheapest_;      // by block: the least price of a row
    double bound_ = 0, rounding_;
};

}  // namespace qabwnas
