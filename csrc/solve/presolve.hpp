// The rows that a direct search works on: pruned, usable within the budgets, and with values in metric order.
#pragma once

#include <vector>

#include "core/cancel.hpp"
#include "core/problem.hpp"
#include "pareto/prune.hpp"

namespace qabwnas {

// Some rows of every block, pruned to the k-skyband; values in sweep order.
std::vector<PrunedBlock> prune_some(const Problem& problem, const std::vector<std::vector<Index>>& rows,
                                    const SweepOrder& order, std::size_t k, Cancel& cancel, const Tuning& tuning);

// Puts values into metric order and drops rows that no choice of the other blocks keeps within every budget. Returns
// whether all blocks have some left. Pruning first finds the same as dropping first: what removes a usable row is
// usable.
bool make_usable(std::vector<PrunedBlock>& blocks, const Problem& problem, const std::vector<Value>& budgets,
                 const SweepOrder& order);

}  // namespace qabwnas
