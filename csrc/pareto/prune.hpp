// Pareto pruning of one block, and the sweep order that pruning and combining share.
//
// Row r removes row s if r is at most s in every metric, and r comes before s in the sweep order: by the sum metrics
// lexicographically, then by row number. The order of the sums makes no difference to that. Replacing s by r in
// any subnet then keeps every budget and moves the subnet forward in the order of answers. A maximum may hide what r
// gains on s, and the totals tie; so a strict gain in a maximum alone does not put r before s: only its row number
// does.
//
// With k > 1 a row goes only if k others remove it. The k-skyband (Papadias, Tao, Fu, Seeger 2005) is what the k best
// subnets need.
//
// Sort, then sweep: maxima of a set of vectors (Kung, Luccio, Preparata 1975).
//
// Complexity: O(n log n) for up to three metrics with k = 1, for two with any k; else O(n × kept) at worst, which the
// grids of dominance_index.hpp and skyband_index.hpp reduce. Threads: calls share nothing.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "core/cancel.hpp"
#include "core/memory.hpp"
#include "core/problem.hpp"
#include "core/tuning.hpp"
#include "pareto/dominance_index.hpp"

namespace qabwnas {

// The metrics with sums before maxima. A sweep visits points by sums, so the first sum never needs to be compared.
struct SweepOrder {
    explicit SweepOrder(const std::vector<Aggregation>& aggregations);

    // The same with the first metric after all others of its kind.
    static SweepOrder first_metric_last(const std::vector<Aggregation>& aggregations);

    bool operator==(const SweepOrder&) const = default;

    std::vector<std::size_t> metrics;
    std::size_t n_sums = 0;

    std::size_t size() const { return metrics.size(); }
    std::size_t first_tested() const { return n_sums > 0 ? 1 : 0; }
    std::size_t n_tested() const { return size() - first_tested(); }
    std::size_t position(std::size_t metric) const {
        return static_cast<std::size_t>(std::find(metrics.begin(), metrics.end(), metric) - metrics.begin());
    }
};

// What is left of a block, in sweep order: row numbers, and values (n × n_metrics, row-major, metrics in sweep order).
struct PrunedBlock {
    explicit PrunedBlock(Memory* memory = unlimited_memory()) : rows(memory), values(memory) {}

    std::pmr::vector<Index> rows;
    std::pmr::vector<Value> values;
};

// The box of some points' tested coordinates; values are row-major, at least one point, metrics in sweep order.
Box tested_box(std::span<const Value> values, const SweepOrder& order);

// Returns the rows that fewer than k others remove; of a cancelled call, those found so far.
// Memory is taken from `memory`, which may throw.
PrunedBlock prune(const Columns& block, const SweepOrder& order, std::size_t k, Cancel& cancel,
                  const Tuning& tuning = {}, Memory* memory = unlimited_memory());

// Sorts different row numbers of a block: O(n_rows / 64 + rows) where they are many.
void sort_rows(std::pmr::vector<Index>& rows, std::size_t n_rows);

}  // namespace qabwnas
