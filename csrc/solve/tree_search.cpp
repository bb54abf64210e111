#include "solve/tree_search.hpp"

#include "solve/dp_branch_and_bound.hpp"
#include "solve/lp_branch_and_bound.hpp"

namespace qabwnas {

std::unique_ptr<TreeSearch> make_tree_search(const Problem& problem, const std::vector<Value>& budgets,
                                             std::vector<PrunedBlock> blocks, std::size_t k, Cancel& deadline,
                                             Cancel& cancel, const Tuning& tuning) {
    // LP relaxations bound several budgets together, and need a summed objective. With one budget the DP bounds are
    // exact: that makes no difference for the best subnet, but for many.
    const std::size_t n_budgets = n_budgeted_sums(problem, budgets);
    if (problem.aggregations[0] == Aggregation::sum && n_budgets > (k == 1 ? 0 : 1))
        return std::make_unique<LpBranchAndBound>(problem, budgets, blocks, deadline, cancel, tuning);
    return std::make_unique<DpBranchAndBound>(problem, budgets, std::move(blocks), deadline, cancel, tuning);
}

}  // namespace qabwnas
