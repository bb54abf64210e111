// Direct search: the k best subnets under any number of budgets, without building a front.
//
// Rows that no feasible subnet can use are dropped, blocks are pruned to their k-skyband, and a depth-first branch and
// bound visits the blocks, most rows first. A partial subnet is left when its lower bound (relaxation.hpp), compared
// lexicographically, lies behind the k-th best subnet found; children are tried in the order of their bounds. The
// answer is proved when the search ends. With one budget the bound is exact, and the search walks straight to the
// answers.
//
// Complexity: worst case exponential in the number of blocks; O(k × rows × log steps) bound look-ups with one budget.
// One thread; no state is shared between calls.
#pragma once

#include "qabwnas/cancel.hpp"
#include "qabwnas/problem.hpp"

namespace qabwnas {

struct Top : Subnets {
    Value bound = 0;  // no feasible subnet has a smaller objective (metric 0); meaningless if infeasible
};

// budgets: an inclusive upper bound on every metric's total, the largest Value where there is none. Stops with
// Status::limit after max_nodes partial subnets; the subnets are then the best found so far. k is 1 or more.
Top top(const Problem& problem, const std::vector<Value>& budgets, std::size_t k, std::size_t max_nodes,
        Cancel& cancel);

}  // namespace qabwnas
