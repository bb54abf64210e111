// Adding a block to a front: all pairs of a partial subnet and a row, swept in the order of the first sum. For two sums
// see merge_curves.hpp.
//
// The sweep goes by slabs, ranges of the first sum that hold about as many pairs each. Both sides are sorted by it, so
// the pairs of a slab are one run of the longer side for each point of the shorter. Points that earlier slabs kept are
// at most every pair of this one in the first sum, and a table over cells of the other coordinates tells at once that
// one of them is at most the pair there too: cells of a sum are at least the sum of the parts' cells, so a look-up is
// an addition of two numbers made beforehand. Only pairs that the table leaves open are sorted and tested exactly.
// Limits close cells of the table from the start.
// (Slabs in the place of sorted matrices: compare Hespe, Sanders, Storandt, Truschel, ESA 2023.)
//
// The table has few cells in all, however many metrics there are: an axis of few values has a cell for each of them,
// the others share what is left, and where that is too little there is no table, and every pair is tested exactly.
//
// A slab that leaves too many pairs open, because first sums tie, is reduced as it is collected: what others of it
// cover goes. So a merge needs no more memory for a slab than for what it keeps, or a fixed number of pairs.
//
// Complexity: O(1) a pair and O(log s) for each of the s pairs of a slab that the table leaves open, and the archive's
// tests of those. Memory: the points that result, and what one slab leaves open. One thread.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/cancel.hpp"
#include "core/memory.hpp"
#include "core/problem.hpp"
#include "core/tuning.hpp"
#include "front/back_pointers.hpp"
#include "pareto/prune.hpp"

namespace qabwnas {

// Points in sweep order: values row-major, metrics in sweep order.
struct Points {
    std::span<const Value> values;
    std::size_t n;
};

// What a merge leaves out beside what is not minimal.
struct MergeLimits {
    std::vector<Value> high;   // a metric in sweep order: pairs above it are left out
    double slack;              // a pair also goes if a kept one is at most 1 + slack times it in one metric and at most
    std::size_t slack_metric;  // it in all others; a position in sweep order; the metric is nowhere negative
    std::size_t max_points;
    std::size_t most_open;  // pairs of a slab that may be left open before they are reduced
};

// precedes(a, b): whether pair a comes before pair b in the order of candidates.
using Precedes = std::function<bool(Pair, Pair)>;

// Appends the pairs that stay, in sweep order; at a limit, or past the memory, those found so far.
Status merge(const Points& front, const Points& rows, const SweepOrder& order,
             const std::vector<Aggregation>& aggregations, const MergeLimits& limits, const Precedes& precedes,
             Cancel& cancel, const Tuning& tuning, std::pmr::vector<Pair>& pairs);

}  // namespace qabwnas
