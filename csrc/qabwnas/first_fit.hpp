// The first point of a sorted front that is within every budget.
//
// The front's costs lie under a tree of minima: a node holds, for every metric, the minimum of its (up to) 16 children.
// A query walks the nodes from the left and enters only those whose minima fit all budgets.
//
// Complexity: O(16 log16 n) for one metric; with several, more where minima fit that no single point has together.
// Read-only: queries may run on any number of threads.
#pragma once

#include <vector>

#include "qabwnas/problem.hpp"

namespace qabwnas {

struct MinimumTree {
    static constexpr std::size_t fanout = 16;

    Columns nodes;                    // level after level, the points first
    std::vector<std::size_t> starts;  // of every level in nodes, and last the number of all nodes
    std::size_t n_metrics;
};

// budgets: one a metric of the tree, inclusive. Returns -1 where no point fits.
std::int64_t first_fit(const MinimumTree& tree, const Value* budgets);

}  // namespace qabwnas
