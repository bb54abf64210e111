// Dominance indexes: is some kept point ≤ the given one in every coordinate (weak dominance)?
//
// They serve sweeps in which a later point never removes an earlier one from the result. So an index may forget points
// that a newer one is ≤ to, and never has to report them.
//
// Each index is made for a box that its points lie in. Coordinates are cut into cells by a monotone map: a lower cell
// means a lower coordinate. A table over the cells answers most questions at once, and only what it leaves open is
// looked up exactly. A wrong box costs time, never correctness.
//
// Two coordinates: the staircase of Kung, Luccio and Preparata (1975). More: a fixed grid with lower corners in place
// of the tree of boxes of an ND-tree (Jaszkiewicz and Lust 2018), because the box is known and nothing is ever removed.
// Threads: an index belongs to one thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <vector>

#include "core/memory.hpp"
#include "core/problem.hpp"
#include "core/tuning.hpp"
#include "pareto/cell_table.hpp"

namespace qabwnas {

// The smallest and largest value of every coordinate of the points to come, and about how many these are.
struct Box {
    std::vector<Value> low, high;
    std::size_t n_points;
};

// No coordinate: the first point dominates everything.
class EmptyIndex {
  public:
    EmptyIndex(const Box&, Memory*) {}
    bool dominates(const Value*) const { return filled_; }
    void insert(const Value*) { filled_ = true; }

  private:
    bool filled_ = false;
};

// One coordinate: the smallest value. O(1).
class MinimumIndex {
  public:
    MinimumIndex(const Box&, Memory*) {}
    bool dominates(const Value* point) const { return filled_ && smallest_ <= point[0]; }
    void insert(const Value* point) {
        smallest_ = filled_ ? std::min(smallest_, point[0]) : point[0];
        filled_ = true;
    }

  private:
    Value smallest_ = 0;
    bool filled_ = false;
};

// Two coordinates: the staircase of minimal points, x ascending and y descending (Kung, Luccio, Preparata 1975, the
// three-dimensional sweep). A table is read first: for each cell of x, the smallest y up to it.
// dominates: O(1) where the table decides, else O(log n). insert: O(log n) and a move of the steps after the point.
template <std::size_t n_cells>
class StaircaseIndex {
  public:
    StaircaseIndex(const Box& box, Memory* memory)
        : cells_(box.low[0], box.high[0], n_cells), xs_(memory), ys_(memory) {
        // The largest value stands for "none": totals stay far below it.
        smallest_.fill(std::numeric_limits<Value>::max());
    }

    bool dominates(const Value* point) const {
        if (smallest_[cells_.cell_of(point[0])] <= point[1]) return true;
        // The last step with x <= point.x has the smallest y among those.
        const auto after = std::upper_bound(xs_.begin(), xs_.end(), point[0]);
        return after != xs_.begin() && ys_[static_cast<std::size_t>(after - xs_.begin()) - 1] <= point[1];
    }

    void insert(const Value* point) {
        for (std::size_t cell = cells_.cell_of(point[0]) + 1; cell <= n_cells && smallest_[cell] > point[1]; ++cell)
            smallest_[cell] = point[1];
        const auto first = std::lower_bound(xs_.begin(), xs_.end(), point[0]) - xs_.begin();
        auto last = first;
        while (last < std::ssize(ys_) && ys_[static_cast<std::size_t>(last)] >= point[1]) ++last;
        if (first == last) {
            xs_.insert(xs_.begin() + first, point[0]);
            ys_.insert(ys_.begin() + first, point[1]);
            return;
        }
        xs_[static_cast<std::size_t>(first)] = point[0];
        ys_[static_cast<std::size_t>(first)] = point[1];
        xs_.erase(xs_.begin() + first + 1, xs_.begin() + last);
        ys_.erase(ys_.begin() + first + 1, ys_.begin() + last);
    }

  private:
    Cells cells_;
    std::array<Value, n_cells + 1> smallest_;  // [c + 1]: over cells 0 … c, so [c] is over cells strictly below c
    std::pmr::vector<Value> xs_, ys_;
};

// Three coordinates: points in the cells of a grid over the first two, with three tables of smallest third coordinates.
// The first is over the cells strictly before a cell on both axes: a point that has one at most its own there is
// dominated. The second is over the cells left of a cell in its row, the third over those below it in its column: where
// both have none that low, only the point's own cell can dominate it. Most questions end after three look-ups.
// dominates: O(1) where the tables decide, else O(cells and points of a row and a column that are low enough).
// insert: amortised O(cells that the point is the first to lower).
template <std::size_t side>
class TabledGridIndex {
  public:
    TabledGridIndex(const Box& box, Memory* memory)
        : rows_(box.low[0], box.high[0], side),
          columns_(box.low[1], box.high[1], side),
          before_((side + 1) * (side + 1), none, memory),
          left_(side * (side + 1), none, memory),
          below_(side * (side + 1), none, memory),
          points_(side * side, memory) {}

    bool dominates(const Value* point) const {
        const std::size_t row = rows_.cell_of(point[0]), column = columns_.cell_of(point[1]);
        if (before_[row * (side + 1) + column] <= point[2]) return true;
        for (std::size_t c = column; left_[row * (side + 1) + c] <= point[2]; --c)
            if (cell_dominates(row, c - 1, point)) return true;
        for (std::size_t r = row; below_[column * (side + 1) + r] <= point[2]; --r)
            if (cell_dominates(r - 1, column, point)) return true;
        return cell_dominates(row, column, point);
    }

    void insert(const Value* point) {
        const std::size_t row = rows_.cell_of(point[0]), column = columns_.cell_of(point[1]);
        const Value z = point[2];
        points_[row * side + column].push_back({point[0], point[1], z});
        for (std::size_t c = column + 1; c <= side && left_[row * (side + 1) + c] > z; ++c)
            left_[row * (side + 1) + c] = z;
        for (std::size_t r = row + 1; r <= side && below_[column * (side + 1) + r] > z; ++r)
            below_[column * (side + 1) + r] = z;
        // After a cell that holds a smaller value, no cell of the row holds a larger one.
        for (std::size_t r = row + 1; r <= side && before_[r * (side + 1) + column + 1] > z; ++r)
            for (std::size_t c = column + 1; c <= side && before_[r * (side + 1) + c] > z; ++c)
                before_[r * (side + 1) + c] = z;
    }

  private:
    static constexpr Value none = std::numeric_limits<Value>::max();  // totals stay far below it

    bool cell_dominates(std::size_t row, std::size_t column, const Value* point) const {
        for (const std::array<Value, 3>& kept : points_[row * side + column])
            if (kept[0] <= point[0] && kept[1] <= point[1] && kept[2] <= point[2]) return true;
        return false;
    }

    Cells rows_, columns_;
    std::pmr::vector<Value> before_;  // [(r, c)]: smallest third coordinate in cells (< r, < c)
    std::pmr::vector<Value> left_;    // [(r, c)]: in cells (r, < c)
    std::pmr::vector<Value> below_;   // [(c, r)]: in cells (< r, c)
    std::pmr::vector<std::pmr::vector<std::array<Value, 3>>> points_;
};

// Four or more coordinates: points in the cells of a grid over the first two, each cell with its lower corner.
// dominates: O(cells looked at + points in those whose corner is ≤ the point). insert: O(coordinates).
template <std::size_t side>
class GridIndex {
  public:
    GridIndex(const Box& box, Memory* memory)
        : d_(box.low.size()),
          rows_(box.low[0], box.high[0], side),
          columns_(box.low[1], box.high[1], side),
          corners_(side * side * (d_ - 2), std::numeric_limits<Value>::max(), memory),
          points_(side * side, memory) {}

    bool dominates(const Value* point) const {
        const std::size_t row = rows_.cell_of(point[0]), column = columns_.cell_of(point[1]);
        for (std::size_t r = row + 1; r-- > 0;)
            for (std::size_t c = column + 1; c-- > 0;)
                if (cell_dominates(r * side + c, point)) return true;
        return false;
    }

    void insert(const Value* point) {
        const std::size_t cell = rows_.cell_of(point[0]) * side + columns_.cell_of(point[1]);
        for (std::size_t i = 2; i < d_; ++i) {
            Value& corner = corners_[cell * (d_ - 2) + i - 2];
            corner = std::min(corner, point[i]);
        }
        points_[cell].insert(points_[cell].end(), point, point + d_);
    }

  private:
    bool cell_dominates(std::size_t cell, const Value* point) const {
        for (std::size_t i = 2; i < d_; ++i)
            if (corners_[cell * (d_ - 2) + i - 2] > point[i]) return false;
        const std::pmr::vector<Value>& points = points_[cell];
        for (std::size_t start = 0; start < points.size(); start += d_) {
            bool at_most = true;
            for (std::size_t i = 0; i < d_; ++i) at_most &= points[start + i] <= point[i];
            if (at_most) return true;
        }
        return false;
    }

    std::size_t d_;
    Cells rows_, columns_;
    std::pmr::vector<Value> corners_;                   // (cells × (d − 2)): of the coordinates after the grid's
    std::pmr::vector<std::pmr::vector<Value>> points_;  // by cell, row-major
};

// Calls work with the index that suits the box's number of coordinates and of points; its memory is taken from
// `memory`.
template <class Work>
auto with_dominance_index(const Box& box, const Tuning& tuning, Memory* memory, Work&& work) {
    const bool are_few = box.n_points < tuning.large_index_points;  // to make a large table would take longer
    if (box.low.size() > 1 && !are_few) tuning.count(&PathCounts::large_indexes);
    switch (box.low.size()) {
        case 0:
            return work(EmptyIndex(box, memory));
        case 1:
            return work(MinimumIndex(box, memory));
        case 2:
            return are_few ? work(StaircaseIndex<64>(box, memory)) : work(StaircaseIndex<1024>(box, memory));
        case 3:
            return are_few ? work(TabledGridIndex<24>(box, memory)) : work(TabledGridIndex<128>(box, memory));
        default:
            return are_few ? work(GridIndex<12>(box, memory)) : work(GridIndex<64>(box, memory));
    }
}

}  // namespace qabwnas
