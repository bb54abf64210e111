// A table that drops most pairs of a front's point and a row before they are sorted: prefix minima over cells of
// totals.
//
// It holds, for the cells of all tested coordinates but the last, the smallest last coordinate of the pairs that were
// kept. Cells of a total are at least the sum of the cells of its two summands, so a look-up is an addition of two
// numbers made beforehand. Limits close cells of the table from the start.
//
// The table has few cells in all, however many metrics there are: an axis with few values has a cell for each of them,
// the others share what is left. If that is too little there is no table, and every pair is left open.
//
// Complexity: O(points of both sides × axes + cells) to make; O(1) per pair to look up.
// Threads: one per object.
#pragma once

#include <span>
#include <vector>

#include "core/memory.hpp"
#include "core/problem.hpp"
#include "core/tuning.hpp"
#include "front/back_pointers.hpp"
#include "front/slabs.hpp"
#include "pareto/cell_table.hpp"
#include "pareto/prune.hpp"

namespace qabwnas {

// Points in sweep order: values row-major, metrics in sweep order.
struct Points {
    std::span<const Value> values;
    std::size_t n;
};

class PairTable {
  public:
    // Both sides hold a point or more, and outlive the table.
    PairTable(const Points& front, const Points& rows, const SweepOrder& order,
              const std::vector<Aggregation>& aggregations, const Tuning& tuning, Memory* memory);

    // Closes all cells above upper bounds; returns whether any is left open.
    bool close_above(const std::vector<Value>& high);

    // Writes the positions of a run's pairs that are below what the table holds for their cell; returns how many.
    std::size_t open_pairs(const Run& run, std::uint32_t* positions) const {
        return all_sums_ ? open_sums(run, positions) : open_mixed(run, positions);
    }

    // Lowers the table to a kept pair's totals.
    void learn(const std::vector<Value>& point);

    // The shorter and the longer side by their first sums, or zeros if there is no sum.
    const std::pmr::vector<Value>& lists() const { return lists_.first; }
    const std::pmr::vector<Value>& longer() const { return longer_.first; }

    Pair pair_of(std::size_t list, std::size_t at) const {
        const auto a = static_cast<Index>(list), b = static_cast<Index>(at);
        return lists_are_rows_ ? Pair{b, a} : Pair{a, b};
    }

    // The box of the totals' tested coordinates.
    Box box() const;

  private:
    // One coordinate's cells. The cells of two summands add up to at most the cell of their sum. Differences are taken
    // in integers, so a double errs by far less than a cell.
    struct Axis {
        Value low_front, low_rows, low_total;
        std::uint64_t unit;      // divides all differences
        std::uint64_t n_values;  // that totals can have, at most
        bool is_max;
        std::size_t side = 0;   // 0: not chosen yet
        bool is_exact = false;  // a cell for every value
        double scale = 0;

        void cut(std::size_t n_cells, bool exact) {
            side = n_cells;
            is_exact = exact;
            const double most = static_cast<double>(side) - 2, width = static_cast<double>((n_values - 1) * unit);
            scale = most / std::max(width, 1.0);
        }

        std::int32_t cell(Value value, Value low) const {
            const std::uint64_t difference = above(value, low);
            if (is_exact) return static_cast<std::int32_t>(difference / unit);
            return static_cast<std::int32_t>(static_cast<double>(difference) * scale);
        }

        // The last cell that a total up to the limit may lie in.
        std::size_t cell_of_limit(Value high) const {
            const std::uint64_t difference = above(high, low_total);
            if (is_exact) return static_cast<std::size_t>(std::min<std::uint64_t>(difference / unit, side));
            return static_cast<std::size_t>(std::min(static_cast<double>(difference) * scale, 0x1p30)) +
                   1;  // may err by one
        }

        // The lowest cell with which a pair's own cell proves that the given total is at most the pair's.
        std::size_t cell_above(Value total) const {
            return static_cast<std::size_t>(cell(total, low_total)) + (is_exact ? 0 : 2);
        }
    };

    // One side of the pairs: what a look-up of a pair needs, point by point.
    struct Side {
        explicit Side(Memory* memory) : first(memory), last(memory), cells(memory), max_cells(memory) {}

        std::size_t n = 0;
        std::pmr::vector<Value> first, last;   // the first sum, the last tested coordinate; or zeros
        std::pmr::vector<std::int32_t> cells;  // over the axes of sums, added up with their strides
        std::pmr::vector<std::pmr::vector<std::int32_t>> max_cells;  // of each axis of a maximum, times its stride
    };

    Value at(const Points& points, std::size_t i, std::size_t metric) const {
        return points.values[i * order_.size() + metric];
    }
    std::pair<Value, Value> range(const Points& points, std::size_t metric) const;
    std::uint64_t unit_of(std::uint64_t unit, const Points& points, std::size_t metric, Value low) const;
    Axis axis_of(std::size_t metric) const;
    std::vector<Axis> axes() const;
    std::vector<std::size_t> sides() const;
    Side side_of(const Points& points, Value Axis::* low) const;
    std::size_t open_sums(const Run& run, std::uint32_t* positions) const;
    std::size_t open_mixed(const Run& run, std::uint32_t* positions) const;

    // Whether the table is over all tested coordinates but the last.
    bool has_table() const { return order_.n_tested() <= axes_.size() + 1; }

    const Points &front_, &rows_;
    const SweepOrder& order_;
    const std::vector<Aggregation>& aggregations_;
    const Tuning& tuning_;
    Memory* memory_;
    std::vector<Axis> axes_;
    CellTable table_;
    bool lists_are_rows_, all_sums_;
    Side lists_, longer_;
    std::vector<std::size_t> cells_ = std::vector<std::size_t>(axes_.size());
};

}  // namespace qabwnas
