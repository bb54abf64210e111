// Partial fronts: the front over the blocks that were added so far, with back-pointers. The dynamic program over blocks
// of the multi-objective multiple-choice knapsack (compare Nemhauser and Ullmann 1969): a state is a partial subnet.
// Threads: one per object.
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
struct JoinedBlocks {
    std::vector<std::size_t> blocks;  // ascending
    std::pmr::vector<Index> choice;   // (rows × blocks), row-major
    std::pmr::vector<Value> values;   // (rows × n_metrics), row-major, metrics in sweep order

    std::size_t n_rows() const { return choice.size() / blocks.size(); }
};

class PartialFront {
  public:
    // Starts with the empty subnet, whose totals are given in metric order.
    PartialFront(const std::vector<Aggregation>& aggregations, const std::vector<Value>& origin,
                 const SweepOrder& order, const Tuning& tuning, Memory* memory);

    // Adds joined blocks; returns complete, limit (more than limits.max_points) or cancelled. If it does not complete,
    // or the memory ends, they are counted in n_blocks all the same, and n_found is the number of points found so far.
    Status add(JoinedBlocks joined, const MergeLimits& limits, Cancel& cancel);

    std::size_t n_blocks() const { return n_blocks_; }
    std::size_t n_points() const { return levels_.empty() ? 1 : levels_.back().pairs.size(); }
    std::size_t n_found() const { return found_.size(); }
    std::size_t n_pairs() const { return n_pairs_; }

    // Totals of the last level: n × n_metrics, row-major, metrics in sweep order.
    std::pmr::vector<Value> take_values() { return std::move(values_); }
    std::vector<Level> take_levels() { return std::move(levels_); }

    // The last level as one block joined from all that were added; takes the values.
    JoinedBlocks take_joined_blocks();

  private:
    // Whether a pair of a point of the last level and a row of the blocks that are being added precedes another.
    bool precedes(const JoinedBlocks& joined, Pair a, Pair b) const;

    const SweepOrder& order_;
    const Tuning& tuning_;
    Memory* memory_;
    std::vector<Aggregation> aggregations_;  // in sweep order
    std::vector<Level> levels_;              // one per call of add; before the first there is the empty subnet
    std::pmr::vector<Value> values_{memory_};
    std::pmr::vector<Pair> found_{memory_};  // while blocks are added: the points so far
    TwoMetricMerge curves_{tuning_, memory_};
    std::size_t n_blocks_ = 0, n_pairs_ = 0;
};

}  // namespace qabwnas
