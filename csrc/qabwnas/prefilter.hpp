// A quick first cut of a block's rows, before any sort.
//
// A few champions, rows with the smallest weighted sums of metrics under different weights, remove most of the rest in
// one pass over the columns each. What is left still has to be swept: rows are removed safely, not all that could be.
//
// Complexity: O(rounds × n × n_metrics), a fixed number of rounds over ever fewer rows.
#pragma once

#include <vector>

#include "qabwnas/problem.hpp"
#include "qabwnas/prune.hpp"

namespace qabwnas {

// Returns, ascending, rows that contain all of the rows that pruning with k = 1 keeps.
std::vector<Index> prefilter(const Columns& block, const SweepOrder& order);

}  // namespace qabwnas
