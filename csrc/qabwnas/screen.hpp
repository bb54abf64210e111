// A quick first cut: drops most rows that k others remove, so that sorting and sweeping are left with few.
//
// A sample of the rows is cut into k groups. For each, a table over cells of all coordinates but the last holds the
// smallest last coordinate among the sampled rows in strictly lower cells. A row that is nowhere below what all k
// tables hold for its cell is removed by k rows: each is less in the first sum, and at most it everywhere.
// Samples are taken again from what is left while that pays.
//
// Complexity: O(n × metrics) a round. Rows that are kept wrongly cost time only; none is dropped wrongly.
#pragma once

#include <vector>

#include "qabwnas/problem.hpp"
#include "qabwnas/prune.hpp"

namespace qabwnas {

// Rows that are left of a block, ascending, with their values: columns in sweep order, each contiguous.
struct ScreenedRows {
    std::vector<Index> numbers;
    std::vector<std::vector<Value>> columns;
};

ScreenedRows screen(const Columns& block, const SweepOrder& order, std::size_t k, Cancel& cancel);

}  // namespace qabwnas
