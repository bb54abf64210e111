// Direct search: the k best subnets under any number of budgets, without building a front. The problem is the
// multiple-choice knapsack problem with several budgets (MMKP).
//
// Lagrangian pricing selects the rows that can matter (lagrangian_pricing.hpp), or all blocks are pruned. Presolve
// removes the rows that no feasible subnet can use (presolve.hpp). Then branch and bound proves the best subnets of the
// remaining rows (tree_search.hpp). For the k best, blocks keep their k-skyband.
//
// Answers with a minimum Hamming distance: the first is the best. Each further one is the best of those that differ
// from each answer before in at least min_distance blocks. Pruning to the k-skyband stays right: at most k − 1 earlier
// answers use some of the k rows that prune a row, so one of the k is unused, and taking it instead reduces no
// distance.
//
// Complexity: exponential in the number of blocks at worst; a few nodes on tables of real networks.
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
    double max_seconds;     // infinite for no limit; checked every twentieth of a second
};

// budgets: an inclusive upper bound on each metric's total, the largest Value for none. k and min_distance are at least
// 1. At a limit it stops with Status::limit, and the subnets are the best found so far.
Top top(const Problem& problem, const std::vector<Value>& budgets, std::size_t k, std::size_t min_distance,
        const TopLimits& limits, Cancel& cancel, const Tuning& tuning = {});

}  // namespace qabwnas
