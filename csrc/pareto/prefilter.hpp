// A quick first cut: drops most rows that k others remove, so that sorting and sweeping are left with few.
//
// A sample of the rows is cut into k groups. For each, a table over cells of all coordinates but the last holds the
// smallest last coordinate among the sampled rows in strictly lower cells. A row that is nowhere below what all k
// tables hold for its cell is removed by k rows: each is less in the first sum, and at most it everywhere.
// Samples are taken again from what is left while that pays.
//
// All tables together have about two cells a sampled row, whatever the number of metrics; where that leaves less than
// two cells an axis, they would tell nothing, and all rows are left.
//
// Complexity: O(n × metrics) a round. Rows that are kept wrongly cost time only; none is dropped wrongly.
#pragma once

#include <vector>

#include "core/memory.hpp"
#include "core/problem.hpp"
#include "core/tuning.hpp"
#include "pareto/prune.hpp"

namespace qabwnas {

// Rows that are left of a block, ascending, with their values: columns in sweep order, each contiguous.
struct ScreenedRows {
    explicit ScreenedRows(Memory* memory) : numbers(memory), columns(memory) {}

    std::pmr::vector<Index> numbers;
    std::pmr::vector<std::pmr::vector<Value>> columns;
};

ScreenedRows screen(const Columns& block, const SweepOrder& order, std::size_t k, Cancel& cancel, const Tuning& tuning,
                    Memory* memory);

}  // namespace qabwnas
