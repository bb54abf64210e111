// Presolve: the rows that a direct search works on. They are pruned, some subnet within the budgets can use each of
// them, and their values are in metric order.
//
// A row is removed if it exceeds a budget together with the least values of all other blocks; repeated until nothing
// changes (minimum-activity tests of MIP presolve: Savelsbergh 1994).
//
// Complexity: O(rows × budgets) per round; few rounds. One thread; no state is shared between calls.
#pragma once

#include <vector>

#include "core/cancel.hpp"
#include "core/problem.hpp"
#include "pareto/prune.hpp"

namespace qabwnas {

// Some rows of each block, pruned to the k-skyband; values in sweep order.
std::vector<PrunedBlock> prune_subsets(const Problem& problem, const std::vector<std::vector<Index>>& rows,
                                       const SweepOrder& order, std::size_t k, Cancel& cancel, const Tuning& tuning);

// Puts values into metric order and removes the rows that no choice of the other blocks keeps within all budgets.
// Returns whether each block has rows left. It makes no difference that pruning comes first: a row that prunes another
// one is within the budgets if the other one is.
bool presolve(std::vector<PrunedBlock>& blocks, const Problem& problem, const std::vector<Value>& budgets,
              const SweepOrder& order);

}  // namespace qabwnas
