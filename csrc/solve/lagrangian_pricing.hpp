// Lagrangian pricing of all rows, before any block is pruned: only rows that can matter are left for the tree search.
//
// The multipliers come from the LP relaxation of a sample of the rows, and then, improved, from that of the rows with
// the least Lagrangian cost at those. The core problem (Balas and Zemel 1980; Pisinger 1995) of rows with the least
// cost gives good subnets. All rows whose cost is too far above the least of their block to be part of a subnet as good
// are removed (reduced-cost fixing, lagrangian.hpp). Usually a handful of rows is left.
//
// For several subnets the core is all rows up to some gap above the least cost of their block. The objective gets the
// budget up to which no other row matters, so the answers of the core are proved. If there are too few, the core grows.
// A search that fails has done little more than prove the answers that it has.
//
// Complexity: O(rows × budgets) in vector instructions, and a search of the core in few nodes. One thread; no state is
// shared between calls.
#pragma once

#include <vector>

#include "core/cancel.hpp"
#include "core/problem.hpp"
#include "pareto/prune.hpp"
#include "solve/tree_search.hpp"

namespace qabwnas {

// Whether pricing is probably faster than pruning all rows.
bool pricing_pays_off(const Problem& problem, const std::vector<Value>& budgets, std::size_t k, const Tuning& tuning);

struct PricingLimits {
    std::size_t max_nodes;
    Cancel &deadline, &cancel;
};

struct PricedRows {
    std::vector<PrunedBlock> blocks;  // the rows that the k best can use, pruned to the k-skyband; empty: all rows
    bool are_proved = false;          // the k best were found and proved
    std::size_t n_nodes = 0;          // of the searches of the core
};

// Adds good subnets to `best`. All rows can matter if k subnets were not found, or if the call was cancelled. The
// objective must be a sum.
PricedRows lagrangian_pricing(const Problem& problem, const std::vector<Value>& budgets, const SweepOrder& order,
                              BestAnswers& best, const PricingLimits& limits, const Tuning& tuning);

}  // namespace qabwnas
