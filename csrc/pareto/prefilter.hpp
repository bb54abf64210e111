// The prefilter: drops most rows that k others remove, so that sorting and sweeping get few rows.
//
// A sample of the rows is cut into k groups. For each group, a table over cells of all coordinates but the last holds
// the smallest last coordinate among the sampled rows in strictly lower cells. A row that is nowhere below what all k
// tables hold for its cell is removed by k rows: each is less in the first sum, and at most it everywhere.
// Samples are taken again from what is left while that pays. The idea is that of LESS (Godfrey, Shipley, Gryz 2005): a
// few strong points remove most others before the sort; here a table over cells stands for them.
//
// All tables together have about two cells per sampled row, whatever the number of metrics. If that leaves less than
// two cells per axis, they would decide nothing, and all rows are left.
//
// Complexity: O(n × metrics) per round. Rows that are kept wrongly cost time only; none is dropped wrongly.
// Threads: calls share nothing.
#pragma once

#include <vector>

#include "core/memory.hpp"
#include "core/problem.hpp"
#include "core/tuning.hpp"
#include "pareto/prune.hpp"

namespace qabwnas {

// Rows that are left of a block, ascending, with their values: columns in sweep order, each contiguous.
struct PrefilteredRows {
    explicit PrefilteredRows(Memory* memory) : numbers(memory), columns(memory) {}

    std::pmr::vector<Index> numbers;
    std::pmr::vector<std::pmr::vector<Value>> columns;
};

PrefilteredRows prefilter(const Columns& block, const SweepOrder& order, std::size_t k, Cancel& cancel,
                          const Tuning& tuning, Memory* memory);

}  // namespace qabwnas
