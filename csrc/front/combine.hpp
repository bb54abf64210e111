// Partial subnets: fronts over the blocks combined so far, with back-pointers, and the merge that adds a block.
#pragma once

#include <vector>

#include "core/cancel.hpp"
#include "core/problem.hpp"
#include "front/back_pointers.hpp"
#include "front/merge.hpp"
#include "front/merge_two_metrics.hpp"
#include "pareto/prune.hpp"

namespace qabwnas {

// A block, or several that were joined: rows in sweep order, and which candidate of every block each stands for.
struct Part {
    std::vector<std::size_t> blocks;  // ascending
    std::pmr::vector<Index> choice;   // (rows × blocks), row-major
    std::pmr::vector<Value> values;   // (rows × n_metrics), row-major, metrics in sweep order

    std::size_t n_rows() const { return choice.size() / blocks.size(); }
};

class Combination {
  public:
    // Starts with the empty subnet, whose totals are given in metric order.
    Combination(const std::vector<Aggregation>& aggregations, const std::vector<Value>& origin, const SweepOrder& order,
                const Tuning& tuning, Memory* memory);

    // Adds a part; returns complete, limit (more than limits.max_points) or cancelled. Where it does not complete, or
    // the memory ends, the part is counted in n_blocks, and n_found are the points that it came to.
    Status add(Part part, const MergeLimits& limits, Cancel& cancel);

    std::size_t n_blocks() const { return n_blocks_; }
    std::size_t n_points() const { return levels_.empty() ? 1 : levels_.back().pairs.size(); }
    std::size_t n_found() const { return found_.size(); }
    std::size_t n_pairs() const { return n_pairs_; }

    // Totals of the last level: n × n_metrics, row-major, metrics in sweep order.
    std::pmr::vector<Value> take_values() { return std::move(values_); }
    std::vector<Level> take_levels() { return std::move(levels_); }

    // The last level as a part of the blocks that were added; takes the values.
    Part take_part();

  private:
    // Whether a pair of a point of the last level and a row of the part that is being added precedes another.
    bool precedes(const Part& part, Pair a, Pair b) const;

    const SweepOrder& order_;
    const Tuning& tuning_;
    Memory* memory_;
    std::vector<Aggregation> aggregations_;  // in sweep order
    std::vector<Level> levels_;              // one a part that was added; before there is the empty subnet
    std::pmr::vector<Value> values_{memory_};
    std::pmr::vector<Pair> found_{memory_};  // while a part is added: the points so far
    CurveMerge curves_{tuning_, memory_};
    std::size_t n_blocks_ = 0, n_pairs_ = 0;
};

}  // namespace qabwnas
