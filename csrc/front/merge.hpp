// Adding blocks to a front: the minimal points of a Minkowski sum, of all pairs of a partial subnet and a row. The
// pairs are swept in the order of the first sum. For two sums see merge_two_metrics.hpp.
//
// The sweep goes by slabs (slabs.hpp), ranges of the first sum that hold about as many pairs each. Both sides are
// sorted by it, so the pairs of a slab are one run of the longer side for each point of the shorter. Points that
// earlier slabs kept are at most every pair of this one in the first sum, and a table over cells of the other
// coordinates (pair_table.hpp) tells at once that one of them is at most the pair there too. Only pairs that the table
// leaves open are sorted and tested exactly. (Slabs in place of sorted matrices: compare Hespe, Sanders, Storandt,
// Truschel 2023.)
//
// A slab can leave too many pairs open because first sums tie. It is then reduced while it is collected: what others of
// it dominate goes. So a merge needs no more memory for a slab than for what it keeps, or a fixed number of pairs.
//
// Complexity: O(1) per pair and O(log s) for each of the s pairs of a slab that the table leaves open, and the
// dominance index's tests of those. Memory: the points that result, and what one slab leaves open. Threads: one; calls
// share nothing.
#pragma once

#include <functional>
#include <vector>

#include "core/cancel.hpp"
#include "core/memory.hpp"
#include "core/problem.hpp"
#include "core/tuning.hpp"
#include "front/back_pointers.hpp"
#include "front/pair_table.hpp"
#include "pareto/prune.hpp"

namespace qabwnas {

// What a merge leaves out, in addition to what is not minimal.
struct MergeLimits {
    std::vector<Value> high;   // per metric in sweep order: pairs above it are left out
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
