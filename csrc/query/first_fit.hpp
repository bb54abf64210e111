// The first point of a sorted front that is within every budget.
//
// With several budgets the front's points lie under a tree of minima: a node holds, for every metric, the minimum of
// its (up to) 16 children. A query enters, from the left, only nodes whose minima fit all budgets; siblings are
// compared with the budgets together. With one budget only the points matter that are cheaper than all before them; a
// table over cells of cost says where among those to look.
//
// Complexity: one budget O(1) expected, O(log n) at worst, after O(n) for the table; several budgets O(16 log16 n)
// where the metrics agree, more where minima fit that no single point has together.
// Threads: queries are cut into as many runs as there are threads, but none shorter than pays for a thread. A query's
// answer depends on nothing but the front, so it is the same on any number of threads.
#pragma once

#include <vector>

#include "core/problem.hpp"
#include "core/tuning.hpp"

namespace qabwnas {

struct MinimumTree {
    static constexpr std::size_t fanout = 16;

    Columns points;  // sorted by their first metric
    Columns minima;  // a node each 16 points, a node each 16 of those, …, level after level, until 16 or fewer are left

    // The number of nodes above n_points points.
    static std::size_t n_minima(std::size_t n_points);
};

// metrics: which of the tree's columns are budgeted. budgets: n_queries rows of an inclusive bound for each of these.
// n_threads: at most so many, 1 or more. found: n_queries; -1 where no point fits.
void first_fits(const MinimumTree& tree, const std::vector<std::size_t>& metrics, const Value* budgets,
                std::size_t n_queries, std::size_t n_threads, std::int64_t* found, const Tuning& tuning = {});

}  // namespace qabwnas
