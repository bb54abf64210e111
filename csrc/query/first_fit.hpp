// The first point of a sorted front that is within all budgets.
//
// Several budgets: the points are the leaves of a tree of minima (a bounding-volume hierarchy of lower corners). A node
// holds, for each metric, the minimum of its (up to) 16 children. A query enters, from the left, only the nodes whose
// minima fit all budgets; siblings are compared with the budgets together. One budget: only the points matter that are
// cheaper than all before them. A table over cells of cost says where among those to look (interpolation search).
//
// Complexity: one budget O(1) expected, O(log n) at worst, after O(n) for the table. Several budgets O(16 log16 n) if
// the metrics agree, more if minima fit that no single point has together. Threads: the queries are cut into at most
// n_threads ranges, none shorter than pays off for a thread. The answer to a query depends only on the front, so it is
// the same on any number of threads.
#pragma once

#include <vector>

#include "core/problem.hpp"
#include "core/tuning.hpp"

namespace qabwnas {

struct MinimumTree {
    static constexpr std::size_t fanout = 16;

    Columns points;  // sorted by their first metric
    Columns minima;  // one node per 16 points, one per 16 of those, …, level after level, until 16 or fewer are left

    // The number of nodes above n_points points.
    static std::size_t n_minima(std::size_t n_points);
};

// metrics: the columns of the tree that have a budget. budgets: n_queries rows with an inclusive bound for each of
// these. n_threads: at most so many, at least 1. found: n_queries; -1 if no point fits.
void first_fits(const MinimumTree& tree, const std::vector<std::size_t>& metrics, const Value* budgets,
                std::size_t n_queries, std::size_t n_threads, std::int64_t* found, const Tuning& tuning = {});

}  // namespace qabwnas
