// The common interface of the two tree searches, and the choice between them.
//
// dp_branch_and_bound.hpp goes depth first with DP bounds, which are exact for one budget. lp_branch_and_bound.hpp goes
// best first with LP relaxations, which bound several budgets together. Both give the same answers.
#pragma once

#include <memory>
#include <vector>

#include "core/cancel.hpp"
#include "core/problem.hpp"
#include "pareto/prune.hpp"
#include "solve/answers.hpp"

namespace qabwnas {

class TreeSearch {
  public:
    virtual ~TreeSearch() = default;

    // Adds the best subnets to those in `best`. Status::complete: no further subnet that keeps the constraint would
    // enter it.
    virtual Status search(BestAnswers& best, const HammingConstraint& constraint, std::size_t max_nodes) = 0;

    std::size_t n_nodes() const { return n_nodes_; }  // of all searches
    // After a search that stopped at a limit: a bound on the objective of the subnets that it did not look at.
    Value open_bound() const { return open_bound_; }

  protected:
    std::size_t n_nodes_ = 0;
    Value open_bound_ = 0;
};

// The search that suits a problem. blocks: the remaining rows of each block, values in metric order.
std::unique_ptr<TreeSearch> make_tree_search(const Problem& problem, const std::vector<Value>& budgets,
                                             std::vector<PrunedBlock> blocks, std::size_t k, Cancel& deadline,
                                             Cancel& cancel, const Tuning& tuning);

}  // namespace qabwnas
