// The traversal of DNA (Li et al., "Block-wisely Supervised Neural Architecture Search with Knowledge Distillation",
// CVPR 2020), by its own rules. A baseline for the searches.
//
// Stages (blocks) are nested loops over their candidates by ascending loss. cap[b] is the budget minus the fixed part
// and the least costs of the stages after b. A bound M[b], at first the number of candidates, is carried through the
// run. The end of a loop is set from M[b] when the loop is entered.
//   - All stages except the last: a candidate whose partial cost exceeds cap[b] is skipped. Otherwise the next stage is
//     entered. Before that, the middle stages leave their loop at an index ≥ M[b]. If M[b] is 0 then, M[b−1] becomes
//     the index of the enclosing loop, and M[b] the number of candidates again.
//   - The last stage takes the first candidate that fits. It is recorded if its loss is less than the best. M[last]
//     becomes its index. If that is 0, M[last−1] becomes the index of the enclosing loop, and M[last] the number of
//     candidates. The loop is left.
// As published, M outlives the partial subnets for which it was found, and better subnets can be missed. `repaired`
// sets M[b] to the number of candidates when the loop of stage b is entered, and is exact.
//
// DNA requires a cost strictly below the budget. Here budgets are inclusive as everywhere else. In whole units this is
// DNA's rule with a budget that is larger by one.
//
// Complexity: exponential in the number of stages. One thread; no state is shared between calls.
#pragma once

#include "core/cancel.hpp"
#include "core/problem.hpp"

namespace qabwnas {

// The problem has two summed metrics, loss and cost. Returns the best recorded subnet; n_pairs is the number of visited
// candidates. `complete` means that the traversal ended, not that the subnet is the best. Stops with Status::limit
// after max_nodes candidates, and when cancelled, with the best subnet so far.
Subnets dna_traversal(const Problem& problem, Value budget, bool repaired, std::size_t max_nodes, Cancel& cancel);

}  // namespace qabwnas
