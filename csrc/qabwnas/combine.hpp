// Partial subnets: fronts over the blocks combined so far, with back-pointers, and the merge that adds a block.
#pragma once

#include <vector>

#include "qabwnas/back_pointers.hpp"
#include "qabwnas/cancel.hpp"
#include "qabwnas/merge.hpp"
#include "qabwnas/merge_curves.hpp"
#include "qabwnas/problem.hpp"
#include "qabwnas/prune.hpp"

namespace qabwnas {

// A block, or several that were joined: rows in sweep order, and which candidate of every block each stands for.
struct Part {
    std::vector<std::size_t> blocks;  // ascending
    std::vector<Index> choice;        // (rows × blocks), row-major
    std::vector<Value> values;        // (rows × n_metrics), row-major, metrics in sweep order

    std::size_t n_rows() const { return choice.size() / blocks.size(); }
};

class Combination {
  public:
    // Starts with the empty subnet, whose totals are given in metric order.
    Combination(const std::vector<Aggregation>& aggregations, const std::vector<Value>& origin,
                const SweepOrder& order);

    // Adds a part; returns complete, limit (more than limits.max_points; what was found until then stays) or cancelled.
    Status add(Part part, const MergeLimits& limits, Cancel& cancel);

    std::size_t n_blocks() const { return n_blocks_; }
    std::size_t n_points() const { return levels_.empty() ? 1 : levels_.back().pairs.size(); }
    std::size_t n_pairs() const { return n_pairs_; }
    std::size_t bytes() const;  // that the points take

    // Totals of the last level: n × n_metrics, row-major, metrics in sweep order.
    const std::vector<Value>& values() const { return values_; }
    std::vector<Value> take_values() { return std::move(values_); }
    std::vector<Level> take_levels() { return std::move(levels_); }

    // The last level as a part of the blocks that were added; takes the values.
    Part take_part();

  private:
    // Whether a pair of a point of the last level and a row of the part that is being added precedes another.
    bool precedes(const Part& part, Pair a, Pair b) const;

    const SweepOrder& order_;
    std::vector<Aggregation> aggregations_;  // in sweep order
    std::vector<Level> levels_;              // one a part that was added; before there is the empty subnet
    std::vector<Value> values_;
    CurveMerge curves_;
    std::size_t n_blocks_ = 0, n_pairs_ = 0;
};

}  // namespace qabwnas
