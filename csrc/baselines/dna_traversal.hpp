// The traversal of DNA (Li et al., "Block-wisely Supervised Neural Architecture Search with Knowledge Distillation",
// CVPR 2020), in its own rules: what searches are measured against.
//
// Stages (blocks) are nested loops over their candidates by ascending loss. cap[b] is the budget less the fixed part
// and the least costs of the stages behind b. A bound M[b], at first the number of candidates, is carried through the
// run; a loop's end is fixed from M[b] where it is entered.
//   - All stages but the last: a candidate whose partial cost exceeds cap[b] is skipped, else the next stage is
//   entered.
//     Before that, the middle stages leave their loop at an index ≥ M[b]; if M[b] is 0 then, M[b−1] becomes the index
//     of the loop around, and M[b] the number of candidates again.
//   - The last stage takes the first candidate that fits: it is recorded if its loss is less than the best, M[last]
//     becomes its index, and if that is 0, M[last−1] becomes the index of the loop around and M[last] the number of
//     candidates; the loop is left.
// As published, M outlives the partial subnets that it was found for, and better subnets may be missed. `repaired` sets
// M[b] to the number of candidates where the loop of stage b is entered, and is exact.
//
// DNA asks for a cost strictly below the budget. Here budgets are inclusive as everywhere, which in whole units is the
// same as DNA's rule with a budget larger by one.
//
// Complexity: exponential in the number of stages. One thread; no state is shared between calls.
#pragma once

#include "core/cancel.hpp"
#include "core/problem.hpp"

namespace qabwnas {

// Of a problem with two summed metrics, loss and cost. Returns the best subnet recorded, and in n_pairs the candidates
// looked at; `complete` says that the traversal came to its end, not that the subnet is the best. Stops with
// Status::limit after max_nodes candidates, with the best so far; so too where it is cancelled.
Subnets dna_traversal(const Problem& problem, Value budget, bool repaired, std::size_t max_nodes, Cancel& cancel);

}  // namespace qabwnas
