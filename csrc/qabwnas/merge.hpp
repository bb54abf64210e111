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
// Complexity: O(1) a pair and O(log s) for each of the s pairs of a slab that the table leaves open, and the archive's
// tests of those. Memory: the front that results, and what one slab leaves open. One thread.
#pragma once

#include <functional>
#include <vector>

#include "qabwnas/back_pointers.hpp"
#include "qabwnas/cancel.hpp"
#include "qabwnas/problem.hpp"
#include "qabwnas/prune.hpp"

namespace qabwnas {

// Points in sweep order: values row-major, metrics in sweep order.
struct Points {
    const std::vector<Value>& values;
    std::size_t n;
};

// What a merge leaves out beside what is not minimal.
struct MergeLimits {
    std::vector<Value> high;   // a metric in sweep order: pairs above it are left out
    double slack;              // a pair also goes if a kept one is at most 1 + slack times it in one metric and at most
    std::size_t slack_metric;  // it in all others; a position in sweep order; the metric is nowhere negative
    std::size_t max_points;
};

struct Merged {
    Status status = Status::complete;
    std::vector<Value> values;
    std::vector<Pair> pairs;
};

// precedes(a, b): whether pair a comes before pair b in the order of candidates.
Merged merge(const Points& front, const Points& rows, const SweepOrder& order,
             const std::vector<Aggregation>& aggregations, const MergeLimits& limits,
             const std::function<bool(Pair, Pair)>& precedes, Cancel& cancel);

}  // namespace qabwnas
