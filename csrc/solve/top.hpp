// Direct search: the k best subnets under any number of budgets, without building a front.
//
// Prices choose the rows that can matter (price_rows.hpp), or all blocks are pruned; rows that no feasible subnet can
// use go (usable_rows.hpp); and a tree search proves the best of what is left (tree_search.hpp). For the k best, blocks
// keep their k-skyband.
//
// Answers at a distance: the first is the best, each further one the best of those that differ from every answer before
// in at least `distance` blocks. Pruning to the k-skyband stays right: of k rows that could replace one, k − 1 answers
// leave one unused, and to take it instead brings the subnet nearer to none of them.
//
// Complexity: worst case exponential in the number of blocks; on tables of real networks a few nodes.
// One thread; no state is shared between calls.
#pragma once

#include "core/cancel.hpp"
#include "core/problem.hpp"
#include "core/tuning.hpp"

namespace qabwnas {

struct Top : Subnets {
    Value bound = 0;  // no feasible subnet has a smaller objective (metric 0); meaningless if infeasible
};

struct TopLimits {
    std::size_t max_nodes;  // partial subnets
    double max_seconds;     // infinite for none; looked at every twentieth of a second
};

// budgets: an inclusive upper bound on every metric's total, the largest Value where there is none. k and distance are
// 1 or more. Stops with Status::limit at a limit; the subnets are then the best found so far.
Top top(const Problem& problem, const std::vector<Value>& budgets, std::size_t k, std::size_t distance,
        const TopLimits& limits, Cancel& cancel, const Tuning& tuning = {});

}  // namespace qabwnas
