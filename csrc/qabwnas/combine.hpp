// Partial subnets: fronts over the blocks combined so far, with back-pointers, and the merge that adds a block.
#pragma once

#include <vector>

#include "qabwnas/cancel.hpp"
#include "qabwnas/merge.hpp"
#include "qabwnas/merge_curves.hpp"
#include "qabwnas/problem.hpp"
#include "qabwnas/prune.hpp"

namespace qabwnas {

// The front after some blocks, in sweep order. parent[i] points into the level before, row[i] into the added block.
struct Level {
    std::size_t block;
    std::vector<Index> parent;
    std::vector<Index> row;

    std::size_t size() const { return row.size(); }
};

class Combination {
  public:
    // Starts with the empty subnet, whose totals are the origin.
    Combination(const Problem& problem, const SweepOrder& order);

    // Adds a block; returns complete, limit (more than limits.max_points; what was found until then stays) or
    // cancelled.
    Status add(std::size_t block, const PrunedBlock& pruned, const MergeLimits& limits, Cancel& cancel);

    std::size_t n_blocks() const { return levels_.size() - 1; }
    std::size_t n_points() const { return levels_.back().size(); }
    std::size_t n_pairs() const { return n_pairs_; }
    std::size_t bytes() const;  // that the points take

    // Totals of the last level: n × n_metrics, row-major, metrics in sweep order.
    const std::vector<Value>& values() const { return values_; }
    std::vector<Value> take_values() { return std::move(values_); }

    // The rows that make each point of the last level, n × n_blocks in block order, once all blocks are combined.
    std::vector<Index> choices() const;

    // Whether partial subnet (i, row_i) precedes (j, row_j) lexicographically in block order; i and j are points of the
    // last level, the rows belong to the block that is being added.
    bool precedes(std::size_t block, Index i, Index row_i, Index j, Index row_j) const;

  private:
    const SweepOrder& order_;
    std::vector<Aggregation> aggregations_;  // in sweep order
    std::vector<Level> levels_;
    std::vector<Value> values_;
    CurveMerge curves_;
    std::size_t n_pairs_ = 0;
};

}  // namespace qabwnas
