// The rows of a cold search that can still matter, found by prices before any block is pruned.
//
// Prices of the budgets come from the linear relaxation of a sample of the rows, better ones from that of rows that are
// cheap at these. A core of rows gives good subnets (compare the core of Pisinger 1995), and all rows whose price is
// too far above their block's cheapest to be part of as good a subnet go. Mostly a handful of rows is left.
// (lagrangian.hpp.)
//
// For several subnets the core is all rows up to some price above their block's cheapest, and the objective gets the
// budget up to which no dearer row matters: so what is found there is proved. Where too few are found, the core is
// widened; a search that fails has done little more than prove the answers that it has.
//
// Complexity: O(rows × budgets) in vector instructions, and a search of the core in few nodes.
#pragma once

#include <vector>

#include "core/cancel.hpp"
#include "core/problem.hpp"
#include "pareto/prune.hpp"
#include "solve/tree_search.hpp"

namespace qabwnas {

// Whether that is likely quicker than pruning all rows.
bool pricing_pays(const Problem& problem, const std::vector<Value>& budgets, std::size_t k, const Tuning& tuning);

struct PricingLimits {
    std::size_t max_nodes;
    Cancel &deadline, &cancel;
};

struct PricedRows {
    std::vector<PrunedBlock> blocks;  // that the k best may take, pruned to the k-skyband; none where all may
    bool are_searched = false;        // the k best were found and proved
    std::size_t n_nodes = 0;          // of the core's search
};

// Adds good subnets to `best`. All rows may matter where k subnets were not found, or the call was cancelled. The
// objective is a sum.
PricedRows rows_by_price(const Problem& problem, const std::vector<Value>& budgets, const SweepOrder& order,
                         BestAnswers& best, const PricingLimits& limits, const Tuning& tuning);

}  // namespace qabwnas
