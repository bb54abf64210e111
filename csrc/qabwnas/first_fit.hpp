// The first point of a sorted front that is within every budget.
//
// With several budgets the front's costs lie under a tree of minima: a node holds, for every metric, the minimum of its
// (up to) 16 children. A query walks the nodes from the left and enters only those whose minima fit all budgets.
// With one budget only the points matter that are cheaper than all before them; a table over cells of cost says where
// among those to look.
//
// Complexity: one budget O(1) expected, O(log n) at worst, after O(n) for the table; several budgets O(16 log16 n)
// where the metrics agree, more where minima fit that no single point has together. Read-only: queries may run on any
// number of threads.
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

// budgets: n_queries rows of one inclusive bound a metric of the tree. found: n_queries; -1 where no point fits.
void first_fits(const MinimumTree& tree, const Value* budgets, std::size_t n_queries, std::int64_t* found);

}  // namespace qabwnas
